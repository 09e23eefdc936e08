// Kafka Streams → one Postgres table: a processor that collects 5,000 events, writes them by one JDBC batch (rewritten into
// statements of many rows) and commits; offsets follow in Kafka, so a crash repeats events. TableSink SETTINGS TOPIC insert|upsert
import java.io.FileReader;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

public class TableSink {
  static final int BATCH = 5000;
  static final ObjectMapper JSON = new ObjectMapper();

  public static class Event {
    public long id, entity, version, at_us;
    public String workspace, stream, kind, body;
  }

  static class Writer implements Processor<byte[], byte[], Void, Void> {
    private final boolean upsert;
    private final List<Event> waiting = new ArrayList<>();
    private ProcessorContext<Void, Void> context;
    private Connection connection;
    private PreparedStatement statement;

    Writer(boolean upsert) { this.upsert = upsert; }

    @Override
    public void init(ProcessorContext<Void, Void> context) {
      this.context = context;
      try {
        connection = DriverManager.getConnection(System.getenv("JDBC_URL"));
        connection.setAutoCommit(false);
        String sql = "INSERT INTO " + (upsert ? "events_upsert" : "events_insert")
            + " (id, entity, workspace, stream, version, kind, at_us, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        if (upsert) sql += " ON CONFLICT (entity) DO UPDATE SET id = excluded.id, workspace = excluded.workspace, stream = excluded.stream,"
            + " version = excluded.version, kind = excluded.kind, at_us = excluded.at_us, body = excluded.body";
        statement = connection.prepareStatement(sql);
      } catch (SQLException problem) {
        throw new RuntimeException(problem);
      }
      context.schedule(Duration.ofMillis(50), PunctuationType.WALL_CLOCK_TIME, now -> write());
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      try {
        waiting.add(JSON.readValue(record.value(), Event.class));
      } catch (java.io.IOException problem) {
        throw new RuntimeException(problem);
      }
      if (waiting.size() >= BATCH) write();
    }

    // A rewritten upsert may touch a row once, so only the last event of an entity goes in.
    private Collection<Event> rows() {
      if (!upsert) return waiting;
      Map<Long, Event> last = new LinkedHashMap<>();
      for (Event event : waiting) last.put(event.entity, event);
      return last.values();
    }

    private void write() {
      if (waiting.isEmpty()) return;
      try {
        for (Event event : rows()) {
          statement.setLong(1, event.id);
          statement.setLong(2, event.entity);
          statement.setString(3, event.workspace);
          statement.setString(4, event.stream);
          statement.setLong(5, event.version);
          statement.setString(6, event.kind);
          statement.setLong(7, event.at_us);
          statement.setString(8, event.body);
          statement.addBatch();
        }
        statement.executeBatch();
        connection.commit();
      } catch (SQLException problem) {
        throw new RuntimeException(problem);
      }
      waiting.clear();
      context.commit();
    }
  }

  public static void main(String[] arguments) throws Exception {
    Properties settings = new Properties();
    try (FileReader file = new FileReader(arguments[0])) {
      settings.load(file);
    }
    settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    boolean upsert = arguments[2].equals("upsert");
    Topology topology = new Topology();
    topology.addSource("events", arguments[1]);
    topology.addProcessor("table", () -> new Writer(upsert), "events");
    KafkaStreams streams = new KafkaStreams(topology, settings);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(5))));
    streams.start();
  }
}
