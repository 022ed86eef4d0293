//! Wires that fail: replies that are lost after the request was taken, and a port
//! that swallows connections.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// What becomes of one request.
#[derive(Clone)]
pub enum Reply {
    /// The request is taken, and the connection closed without a word.
    Lost,
    /// The answer's head and half of its body, then nothing.
    Cut,
    /// Status and body.
    Whole(u16, String),
}

/// A server that takes one request a connection and replies by a script.
pub struct Wire {
    address: String,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Wire {
    pub async fn start(script: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let taken = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&taken);
        tokio::spawn(async move {
            for reply in script {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let body = take(&mut stream).await;
                log.lock().expect("the log").push(body);
                send(&mut stream, reply).await;
            }
        });
        Self { address, taken }
    }

    pub fn url(&self) -> &str {
        &self.address
    }

    /// The bodies of the requests taken so far.
    pub fn taken(&self) -> Vec<String> {
        self.taken.lock().expect("the log").clone()
    }
}

async fn take(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            if body.len() >= length.map_or(0, |n| n.trim().parse().expect("a length")) {
                let whole = String::from_utf8_lossy(&bytes).into_owned();
                return whole.split_once("\r\n\r\n").expect("a body").1.to_owned();
            }
        }
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.expect("a request");
        assert_ne!(read, 0, "the client hung up");
        bytes.extend_from_slice(&part[..read]);
    }
}

async fn send(stream: &mut TcpStream, reply: Reply) {
    let (status, body, sent) = match reply {
        Reply::Lost => return,
        Reply::Cut => (200, "<half".repeat(20), 50),
        Reply::Whole(status, body) => (status, body.clone(), body.len()),
    };
    let head = format!(
        "HTTP/1.1 {status} Status\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\
         x-amzn-requestid: {}\r\nconnection: close\r\n\r\n",
        body.len(),
        crate::server::REQUEST_ID
    );
    stream.write_all(head.as_bytes()).await.expect("a head");
    stream.write_all(&body.as_bytes()[..sent]).await.expect("a body");
    stream.flush().await.expect("all of it");
}

/// A port whose queue of connections is full: further ones are neither taken nor refused.
pub struct Swallow {
    address: String,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl Swallow {
    pub async fn start() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let listener = socket.listen(1).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let mut queue = Vec::new();
        let patience = std::time::Duration::from_millis(200);
        while let Ok(stream) = tokio::time::timeout(patience, TcpStream::connect(address)).await {
            queue.push(stream.expect("a connection"));
        }
        Self { address: format!("http://{address}"), _listener: listener, _queue: queue }
    }

    pub fn url(&self) -> &str {
        &self.address
    }
}
