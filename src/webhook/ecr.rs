//! ECR's image actions, as an API destination of EventBridge posts them, or inside a CloudEvent that somebody wraps them in.
//!
//! ```text
//! {"detail-type": "ECR Image Action", "source": "aws.ecr", "account": "123456789012", "region": "eu-central-1",
//!   "detail": {"result": "SUCCESS", "action-type": "PUSH", "repository-name": "acme/web", "image-tag": "1.2.3"}}
//! ```

use super::{Malformed, Payload, Pushed};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    source: Option<String>,
    account: Option<String>,
    region: Option<String>,
    detail: Detail,
    /// Of a CloudEvent.
    data: Option<Box<Event>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Detail {
    result: Option<String>,
    action_type: Option<String>,
    repository_name: Option<String>,
}

pub(super) fn read(payload: &Payload<'_>) -> Result<Vec<Pushed>, Malformed> {
    let event: Event = payload.json()?;
    let event = event.data.map_or(Event { data: None, ..event }, |inner| *inner);
    Ok(pushed(&event, payload).into_iter().collect())
}

fn pushed(event: &Event, payload: &Payload<'_>) -> Option<Pushed> {
    let Detail { result, action_type, repository_name } = &event.detail;
    let done = event.source.as_deref() == Some("aws.ecr")
        && result.as_deref() == Some("SUCCESS")
        && action_type.as_deref() == Some("PUSH");
    let host = event.account.as_deref().zip(event.region.as_deref()).map(|(account, region)| {
        let end = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("{account}.dkr.ecr.{region}.{end}")
    });
    payload.image(host.as_deref(), repository_name.as_deref().filter(|_| done)?)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{said, said_at};
    use crate::config::settings::WebhookKind::Ecr;

    fn body(result: &str, action: &str, region: &str) -> String {
        format!(
            r#"{{"version":"0","id":"13cde686-328b-6117-af20-0e5566167482","detail-type":"ECR Image Action","source":"aws.ecr",
            "account":"123456789012","time":"2026-11-20T01:54:34Z","region":"{region}","resources":[],
            "detail":{{"result":"{result}","repository-name":"acme/web","image-digest":"sha256:7f5b2640","action-type":"{action}",
            "image-tag":"latest"}}}}"#
        )
    }

    #[test]
    fn the_registry_is_the_accounts_in_its_region() {
        let expected = ["123456789012.dkr.ecr.eu-central-1.amazonaws.com/acme/web"];
        let push = body("SUCCESS", "PUSH", "eu-central-1");
        assert_eq!(said(Ecr, &[], &push), expected);
        let wrapped = format!(r#"{{"specversion":"1.0","type":"aws.ecr","source":"bridge","id":"1","data":{push}}}"#);
        assert_eq!(said(Ecr, &[], &wrapped), expected);
        let china = ["123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/acme/web"];
        assert_eq!(said(Ecr, &[], &body("SUCCESS", "PUSH", "cn-north-1")), china);
        assert_eq!(said_at(Ecr, &[], &push, Some("reg.example.com"), None), ["reg.example.com/acme/web"]);
    }

    #[test]
    fn failures_and_deletions_ask_for_nothing() {
        assert_eq!(said(Ecr, &[], &body("FAILURE", "PUSH", "eu-central-1")), [""; 0]);
        assert_eq!(said(Ecr, &[], &body("SUCCESS", "DELETE", "eu-central-1")), [""; 0]);
    }
}
