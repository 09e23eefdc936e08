// axum + tokio-postgres: GET /v1/issues/{id} over the tables of the read models, with the token checked in the same round trip.
use std::env;

use axum::extract::{Path, State};
use axum::http::{header, HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::Router;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use futures_util::future::try_join3;
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tokio_postgres::NoTls;

const TOKEN_SQL: &str = "SELECT subject FROM dossier.token_hashes WHERE sha256 = $1 AND kind = 'user'";
const ISSUE_SQL: &str = "SELECT id, workspace, coalesce(number, 0), coalesce(title_json, 'null'), coalesce(body_json, '\"\"'), coalesce(status, 'open'), \
  coalesce(project_id, ''), coalesce(author_id, ''), created_us, coalesce(updated_us, created_us), coalesce(seq, 0), coalesce(comment_count, 0) \
  FROM g1.issues WHERE id = $1 AND created_us IS NOT NULL LIMIT 1";
const COMMENTS_SQL: &str = "SELECT head_json, coalesce(body_json, 'null'), coalesce(edited, false), coalesce(removed, false), coalesce(seq, 0) \
  FROM g1.comments WHERE issue_id = $1 AND first_seq IS NOT NULL ORDER BY first_seq, first_index LIMIT 200";

#[derive(Serialize)]
struct Issue {
    id: String,
    workspace_id: String,
    number: i64,
    title: Box<RawValue>,
    body: Box<RawValue>,
    status: String,
    project_id: String,
    author_id: String,
    created_us: i64,
    updated_us: i64,
    seq: i64,
    comment_count: i64,
    comments: Vec<Box<RawValue>>,
}

type Failure = StatusCode;

fn raw(text: String) -> Result<Box<RawValue>, Failure> {
    RawValue::from_string(text).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

// Token, issue and comments in one pipeline: one round trip.
async fn read(pool: &Pool, token: &str, id: &str) -> Result<Issue, Failure> {
    let unavailable = |_| StatusCode::SERVICE_UNAVAILABLE;
    let client = pool.get().await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let token_statement = client.prepare_cached(TOKEN_SQL).await.map_err(unavailable)?;
    let issue_statement = client.prepare_cached(ISSUE_SQL).await.map_err(unavailable)?;
    let comments_statement = client.prepare_cached(COMMENTS_SQL).await.map_err(unavailable)?;
    let hash = Sha256::digest(token.as_bytes()).to_vec();
    let (subject, issue, comments) = try_join3(
        client.query_opt(&token_statement, &[&hash]),
        client.query_opt(&issue_statement, &[&id]),
        client.query(&comments_statement, &[&id]),
    )
    .await
    .map_err(unavailable)?;
    if subject.is_none() {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let row = issue.ok_or(StatusCode::NOT_FOUND)?;
    let comments = comments
        .iter()
        .map(|row| {
            let (head, body): (&str, &str) = (row.get(0), row.get(1));
            let (edited, removed, seq): (bool, bool, i64) = (row.get(2), row.get(3), row.get(4));
            raw(format!("{{{head},\"body\":{body},\"edited\":{edited},\"removed\":{removed},\"seq\":{seq}}}"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Issue {
        id: row.get(0),
        workspace_id: row.get(1),
        number: row.get(2),
        title: raw(row.get(3))?,
        body: raw(row.get(4))?,
        status: row.get(5),
        project_id: row.get(6),
        author_id: row.get(7),
        created_us: row.get(8),
        updated_us: row.get(9),
        seq: row.get(10),
        comment_count: row.get(11),
        comments,
    })
}

async fn issue(State(pool): State<Pool>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or("").trim_start_matches("Bearer ");
    match read(&pool, token, &id).await {
        Ok(issue) => ([(header::CONTENT_TYPE, "application/json")], serde_json::to_vec(&issue).unwrap_or_default()).into_response(),
        Err(status) => status.into_response(),
    }
}

#[tokio::main]
async fn main() {
    let config = env::var("DATABASE_URL").expect("DATABASE_URL").parse().expect("DATABASE_URL");
    let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    let pool = Pool::builder(manager).max_size(8).build().expect("pool"); // as our pool
    let app = Router::new().route("/v1/issues/{id}", get(issue)).with_state(pool);
    let address = format!("127.0.0.1:{}", env::var("PORT").expect("PORT"));
    let listener = tokio::net::TcpListener::bind(address).await.expect("the port is free");
    axum::serve(listener, app).await.expect("serves");
}
