// Go net/http + pgx: GET /v1/issues/{id} over the tables of the read models, with the token checked in the same round trip.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const tokenSQL = `SELECT subject FROM dossier.token_hashes WHERE sha256 = $1 AND kind = 'user'`
const issueSQL = `SELECT id, workspace, coalesce(number, 0), coalesce(title_json, 'null'), coalesce(body_json, '""'), coalesce(status, 'open'),
  coalesce(project_id, ''), coalesce(author_id, ''), created_us, coalesce(updated_us, created_us), coalesce(seq, 0), coalesce(comment_count, 0)
  FROM g1.issues WHERE id = $1 AND created_us IS NOT NULL LIMIT 1`
const commentsSQL = `SELECT head_json, coalesce(body_json, 'null'), coalesce(edited, false), coalesce(removed, false), coalesce(seq, 0)
  FROM g1.comments WHERE issue_id = $1 AND first_seq IS NOT NULL ORDER BY first_seq, first_index LIMIT 200`

type Issue struct {
	ID           string            `json:"id"`
	WorkspaceID  string            `json:"workspace_id"`
	Number       int64             `json:"number"`
	Title        json.RawMessage   `json:"title"`
	Body         json.RawMessage   `json:"body"`
	Status       string            `json:"status"`
	ProjectID    string            `json:"project_id"`
	AuthorID     string            `json:"author_id"`
	CreatedUs    int64             `json:"created_us"`
	UpdatedUs    int64             `json:"updated_us"`
	Seq          int64             `json:"seq"`
	CommentCount int64             `json:"comment_count"`
	Comments     []json.RawMessage `json:"comments"`
}

// Token, issue and comments by one batch: one round trip.
func read(ctx context.Context, pool *pgxpool.Pool, token, id string) (*Issue, int) {
	hash := sha256.Sum256([]byte(token))
	batch := &pgx.Batch{}
	batch.Queue(tokenSQL, hash[:])
	batch.Queue(issueSQL, id)
	batch.Queue(commentsSQL, id)
	results := pool.SendBatch(ctx, batch)
	defer results.Close()
	var subject, title, body string
	if results.QueryRow().Scan(&subject) != nil {
		return nil, http.StatusUnauthorized
	}
	var issue Issue
	if results.QueryRow().Scan(&issue.ID, &issue.WorkspaceID, &issue.Number, &title, &body, &issue.Status, &issue.ProjectID, &issue.AuthorID,
		&issue.CreatedUs, &issue.UpdatedUs, &issue.Seq, &issue.CommentCount) != nil {
		return nil, http.StatusNotFound
	}
	issue.Title, issue.Body = json.RawMessage(title), json.RawMessage(body)
	rows, err := results.Query()
	if err != nil {
		return nil, http.StatusServiceUnavailable
	}
	defer rows.Close()
	for rows.Next() {
		var head, text string
		var edited, removed bool
		var seq int64
		if rows.Scan(&head, &text, &edited, &removed, &seq) != nil {
			return nil, http.StatusServiceUnavailable
		}
		issue.Comments = append(issue.Comments, json.RawMessage(fmt.Sprintf(`{%s,"body":%s,"edited":%t,"removed":%t,"seq":%d}`, head, text, edited, removed, seq)))
	}
	return &issue, http.StatusOK
}

func main() {
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		panic(err)
	}
	config.MaxConns = 8 // as our pool
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		panic(err)
	}
	http.HandleFunc("GET /v1/issues/{id}", func(writer http.ResponseWriter, request *http.Request) {
		token := strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer ")
		issue, status := read(request.Context(), pool, token, request.PathValue("id"))
		if status != http.StatusOK {
			writer.WriteHeader(status)
			return
		}
		body, _ := json.Marshal(issue)
		writer.Header().Set("Content-Type", "application/json")
		writer.Header().Set("Content-Length", strconv.Itoa(len(body)))
		writer.Write(body)
	})
	panic(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
