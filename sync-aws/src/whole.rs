//! Answers of EC2 and Auto Scaling must be there from the first tag to the last.
//!
//! The SDK reads XML as far as it goes: where a connection just ends between two tags, a
//! list that was cut reads like a shorter one, and a rule without its last tags like
//! somebody else's. For calls that answer with nothing but success it does not read the
//! body at all. Such an answer counts as lost here, and is tried again like one.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{Metadata, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Makes a success without its whole answer a lost reply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WholeAnswers;

#[dyn_dispatch_hint]
impl Intercept for WholeAnswers {
    fn name(&self) -> &'static str {
        "WholeAnswers"
    }

    fn modify_before_attempt_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(call) = config.load::<Metadata>() else { return Ok(()) };
        let Some(response) = context.response() else { return Ok(()) };
        // A body that is not in memory broke off while it was read, and failed already.
        let Some(body) = response.body().bytes() else { return Ok(()) };
        if !response.status().is_success() || is_whole(body, call.name()) {
            return Ok(());
        }
        let lost = format!("an answer of {} bytes that is not the whole of one", body.len());
        if let Some(result) = context.output_or_error_mut() {
            *result = Err(OrchestratorError::response(lost.into()));
        }
        Ok(())
    }
}

/// Whether a body is one element, named after the call, from its first tag to its last.
fn is_whole(body: &[u8], call: &str) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return false };
    let prolog = |text: &str| text.starts_with("<?") || text.starts_with("<!");
    let mut text = text.trim();
    while prolog(text) {
        let Some((_, rest)) = text.split_once('>') else { return false };
        text = rest.trim_start();
    }
    let root = format!("{call}Response");
    let named = |tag: Option<&str>| tag.is_some_and(|rest| rest.starts_with([' ', '>', '/']));
    let opened = named(text.strip_prefix('<').and_then(|rest| rest.strip_prefix(&root)));
    let empty = text.find('>').is_some_and(|end| end + 1 == text.len() && text.ends_with("/>"));
    opened && (empty || text.ends_with(&format!("</{root}>")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_from_its_first_tag_to_its_last() {
        for (body, whole) in [
            ("<?xml version=\"1.0\"?>\n<AResponse xmlns=\"x\"><b/></AResponse>\n", true),
            ("<AResponse></AResponse>", true),
            ("<AResponse/>", true),
            ("<AResponse xmlns=\"x\" />", true),
            ("", false),
            ("<?xml version=\"1.0\"?>", false),
            ("<?xml version", false),
            ("<AResponse>", false),
            ("<AResponse><b/>", false),
            ("<AResponse><b></b></AResponse", false),
            ("<ABResponse></ABResponse>", false),
            ("<AResponses></AResponse>", false),
            ("<html></html>", false),
            ("<Response><Errors/></Response>", false),
        ] {
            assert_eq!(is_whole(body.as_bytes(), "A"), whole, "{body}");
        }
        assert!(!is_whole(b"<AResponse>\xff</AResponse>", "A"));
    }
}
