// River: how fast a client drains jobs that do nothing, and how soon an idle one starts a job.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

type Noop struct {
	N int `json:"n"`
}

func (Noop) Kind() string { return "noop" }

type NoopWorker struct {
	river.WorkerDefaults[Noop]
	work func()
}

func (w *NoopWorker) Work(context.Context, *river.Job[Noop]) error {
	w.work()
	return nil
}

type figures map[string]float64

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "river:", err)
		os.Exit(1)
	}
}

func newClient(pool *pgxpool.Pool, work func()) *river.Client[pgx.Tx] {
	workers := river.NewWorkers()
	river.AddWorker(workers, &NoopWorker{work: work})
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		FetchCooldown: time.Millisecond,
		Logger:        slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Queues:        map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 2000}},
		Workers:       workers,
	})
	must(err)
	return client
}

func insertMany(ctx context.Context, client *river.Client[pgx.Tx], jobs int) {
	const page = 5000
	for from := 0; from < jobs; from += page {
		batch := make([]river.InsertManyParams, 0, page)
		for n := from; n < jobs && n < from+page; n++ {
			batch = append(batch, river.InsertManyParams{Args: Noop{N: n}})
		}
		_, err := client.InsertManyFast(ctx, batch)
		must(err)
	}
}

func drain(ctx context.Context, pool *pgxpool.Pool, jobs int) figures {
	var done atomic.Int64
	var began time.Time
	all := make(chan struct{})
	client := newClient(pool, func() {
		switch done.Add(1) {
		case 1:
			began = time.Now()
		case int64(jobs):
			close(all)
		}
	})
	insertMany(ctx, client, jobs)
	must(client.Start(ctx))
	<-all
	must(client.Stop(ctx)) // what is completed is written by then
	return figures{"per_second": float64(jobs) / time.Since(began).Seconds()}
}

func idle(ctx context.Context, pool *pgxpool.Pool, jobs int) figures {
	claimed := make(chan time.Time, 1)
	client := newClient(pool, func() { claimed <- time.Now() })
	must(client.Start(ctx))
	waits := make([]float64, 0, jobs)
	for n := -20; n < jobs; n++ {
		asked := time.Now()
		_, err := client.Insert(ctx, Noop{N: n}, nil)
		must(err)
		waited := (<-claimed).Sub(asked)
		if n >= 0 {
			waits = append(waits, float64(waited.Microseconds())/1000)
		}
		time.Sleep(10 * time.Millisecond) // idle again
	}
	must(client.Stop(ctx))
	sort.Float64s(waits)
	return figures{"p50_ms": waits[len(waits)/2], "p99_ms": waits[len(waits)*99/100]}
}

func main() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	must(err)
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	must(err)
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	must(err)
	fmt.Println("{}")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		number, err := strconv.Atoi(words[1])
		must(err)
		run := drain
		if words[0] == "idle" {
			run = idle
		}
		text, err := json.Marshal(run(ctx, pool, number))
		must(err)
		fmt.Println(string(text))
	}
}
