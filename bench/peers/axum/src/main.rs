// The workloads of bench/load/workloads.py on Axum: a runtime thread for each CPU that this process may use.
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use futures_util::stream;
use serde_json::{json, Value};
use std::convert::Infallible;
use std::sync::LazyLock;

fn letters(count: usize) -> Bytes {
    (b'a'..=b'z').cycle().take(count).collect::<Vec<u8>>().into()
}

static KIBIBYTE: LazyLock<Bytes> = LazyLock::new(|| letters(1024));
static BODY_64K: LazyLock<Bytes> = LazyLock::new(|| letters(65536));

async fn hello() -> &'static str {
    "Hello, world!"
}

async fn json() -> Json<Value> {
    Json(json!({ "message": "Hello, World!" }))
}

async fn echo(body: Bytes) -> Bytes {
    body
}

async fn pieces() -> Body {
    Body::from_stream(stream::iter((0..16).map(|_| Ok::<_, Infallible>(KIBIBYTE.clone()))))
}

fn main() {
    let port: u16 = std::env::var("PORT").expect("PORT").parse().expect("PORT is a number");
    let app = Router::new()
        .route("/hello", get(hello))
        .route("/json", get(json))
        .route("/body1k", get(|| async { KIBIBYTE.clone() }))
        .route("/body64k", get(|| async { BODY_64K.clone() }))
        .route("/echo", post(echo))
        .route("/stream", get(pieces));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_io().build().expect("runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("bind");
        // Without it a response in pieces waits for the peer's delayed acknowledgements.
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("nodelay"));
        axum::serve(listener, app).await.expect("serve");
    });
}
