// The workloads of bench/load/workloads.py on may-minihttp, which answers with whole bodies only: no streams.
use may_minihttp::{HttpServer, HttpService, Request, Response};
use std::io::{self, Read};
use std::sync::LazyLock;

fn letters(count: usize) -> String {
    ('a'..='z').cycle().take(count).collect()
}

static KIBIBYTE: LazyLock<String> = LazyLock::new(|| letters(1024));
static BODY_64K: LazyLock<String> = LazyLock::new(|| letters(65536));

#[derive(Clone)]
struct Workloads;

impl HttpService for Workloads {
    fn call(&mut self, req: Request, res: &mut Response) -> io::Result<()> {
        match req.path() {
            "/hello" => {
                res.header("Content-Type: text/plain").body("Hello, world!");
            }
            "/json" => {
                res.header("Content-Type: application/json");
                serde_json::to_writer(RawBody(res), &serde_json::json!({ "message": "Hello, World!" }))?;
            }
            "/body1k" => {
                res.body(&KIBIBYTE);
            }
            "/body64k" => {
                res.body(&BODY_64K);
            }
            "/echo" => {
                let mut body = Vec::new();
                req.body().read_to_end(&mut body)?;
                res.body_vec(body);
            }
            _ => {
                res.status_code(404, "Not Found");
            }
        }
        Ok(())
    }
}

struct RawBody<'a, 'b>(&'a mut Response<'b>);

impl io::Write for RawBody<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.body_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn main() {
    let port = std::env::var("PORT").expect("PORT");
    may::config().set_workers(std::thread::available_parallelism().map_or(1, |n| n.get()));
    HttpServer(Workloads).start(format!("127.0.0.1:{port}")).expect("bind").join().expect("serve");
}
