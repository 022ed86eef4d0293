//! One mock AWS endpoint that speaks for every service, and [`Aws`] connected to it.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ec2::config::{Credentials, SharedCredentialsProvider};
use aws_types::SdkConfig;
use aws_types::sdk_config::RetryConfig;
use sync_aws::{Aws, MAX_ATTEMPTS, settings};
use sync_core::mesh::Mesh;
use sync_core::ports::{MemberReaders, MemberWriters};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// The id that every answer of [`Endpoint`] carries.
pub const REQUEST_ID: &str = "1d62eae0-acdd-481d-88c9-example";

/// The security group of the mesh.
pub const GROUP: &str = "sg-0123456789abcdef0";
/// The Auto Scaling group of the mesh.
pub const ASG: &str = "orders-us-east-1";

/// The parameters of a query request, or the parts of a JSON one, by name.
pub type Params = BTreeMap<String, String>;

/// A mesh of one member in us-east-1.
pub fn mesh(more: &str) -> Mesh {
    mesh_in("us-east-1", more)
}

/// A mesh of one member.
pub fn mesh_in(region: &str, more: &str) -> Mesh {
    Mesh::parse(&format!(
        r#"
        name = "orders-db"
        [[allow]]
        protocol = "tcp"
        ports = "7000-7001"
        [[member]]
        region = "{region}"
        auto_scaling_groups = ["{ASG}"]
        security_groups = ["{GROUP}"]
        {more}
        "#
    ))
    .expect("a mesh document")
}

/// Our settings against an endpoint, with pauses between attempts that a test can wait for.
pub fn config(endpoint: &str) -> SdkConfig {
    let retries = RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(Duration::from_millis(1));
    let key = Credentials::new("AKIDBASE", "secret", None, None, "test");
    settings()
        .endpoint_url(endpoint)
        .retry_config(retries)
        .credentials_provider(SharedCredentialsProvider::new(key))
        .build()
}

/// The only member's readers and writers, at an endpoint.
pub async fn connect(mesh: &Mesh, endpoint: &str) -> (MemberReaders, MemberWriters) {
    let aws = Aws::with_configs(mesh, |_| config(endpoint)).await;
    let name = &mesh.members[0].name;
    (aws.readers().remove(name).expect("readers"), aws.writers().remove(name).expect("writers"))
}

/// A mock of every AWS service, on this machine.
pub struct Endpoint {
    server: MockServer,
}

impl Endpoint {
    pub async fn start() -> Self {
        Self { server: MockServer::start().await }
    }

    pub fn url(&self) -> String {
        self.server.uri()
    }

    pub async fn readers(&self) -> MemberReaders {
        connect(&mesh(""), &self.url()).await.0
    }

    pub async fn writers(&self) -> MemberWriters {
        connect(&mesh(""), &self.url()).await.1
    }

    /// Answers an action whenever no earlier answer fits.
    pub async fn answer(&self, action: &str, answer: ResponseTemplate) {
        self.answer_where(action, &[], answer).await;
    }

    /// Answers an action that has these parameters.
    pub async fn answer_where(
        &self,
        action: &str,
        params: &[(&str, &str)],
        answer: ResponseTemplate,
    ) {
        mock(action, params, answer).mount(&self.server).await;
    }

    /// Answers an action where nothing else does, whatever comes later.
    pub async fn answer_last(&self, action: &str, answer: ResponseTemplate) {
        mock(action, &[], answer).with_priority(9).mount(&self.server).await;
    }

    /// Answers an action once.
    pub async fn answer_once(&self, action: &str, answer: ResponseTemplate) {
        mock(action, &[], answer).up_to_n_times(1).mount(&self.server).await;
    }

    /// Answers an action by what it is asked.
    pub async fn answer_by(
        &self,
        action: &'static str,
        answer: impl Fn(&Params) -> ResponseTemplate + Send + Sync + 'static,
    ) {
        let wanted = move |request: &Request| params(request)["Action"] == action;
        let answer = move |request: &Request| {
            answer(&params(request)).insert_header("x-amzn-requestid", REQUEST_ID)
        };
        Mock::given(wanted).respond_with(answer).mount(&self.server).await;
    }

    /// Every request for an action, in order.
    pub async fn asked(&self, action: &str) -> Vec<Params> {
        self.requests(action).await.iter().map(params).collect()
    }

    /// The same, as they came.
    pub async fn requests(&self, action: &str) -> Vec<Request> {
        let all = self.server.received_requests().await.expect("recorded requests");
        all.into_iter().filter(|r| params(r).get("Action").is_some_and(|a| a == action)).collect()
    }
}

fn mock(action: &str, wanted: &[(&str, &str)], answer: ResponseTemplate) -> Mock {
    let mut wanted: Params =
        wanted.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    wanted.insert("Action".to_owned(), action.to_owned());
    let answer = answer.insert_header("x-amzn-requestid", REQUEST_ID);
    Mock::given(any())
        .and(move |request: &Request| {
            let params = params(request);
            wanted.iter().all(|(name, value)| params.get(name) == Some(value))
        })
        .respond_with(answer)
}

/// Lambda says what is asked in the path.
fn function_asked_for(request: &Request) -> Option<&str> {
    request.url.path().strip_prefix("/2015-03-31/functions/")?.strip_suffix("/configuration")
}

/// What a request asks. DynamoDB names its action in a header; its JSON body is one
/// parameter, `body`.
pub fn params(request: &Request) -> Params {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    if let Some(target) = request.headers.get("x-amz-target") {
        let action = target.to_str().unwrap_or_default().rsplit('.').next().unwrap_or_default();
        let parts = [("Action", action.to_owned()), ("body", body)];
        return parts.map(|(name, value)| (name.to_owned(), value)).into();
    }
    if let Some(name) = function_asked_for(request) {
        let parts = [("Action", "GetFunctionConfiguration"), ("FunctionName", name)];
        return parts.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    }
    let mut url = request.url.clone();
    url.set_query(Some(&body));
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}
