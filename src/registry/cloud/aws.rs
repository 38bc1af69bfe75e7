//! ECR: the keys of an identity sign `GetAuthorizationToken`, whose answer is a user and a password for every registry of
//! the region that the identity may read. It lives for twelve hours.
//!
//! The request and its answer: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html>.
//! Where the keys are found stands in [`identity`], in the order of the vendor's own tools.

mod identity;

use super::{Clouds, NoLogin, address, json};
use crate::http::{Body, Request};
use crate::port::Secret;
use crate::registry::credentials::Proof;
use crate::registry::kept::Fresh;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::Keys;
use reqwest::header::HeaderName;
use serde::Deserialize;
use std::time::Duration;

/// The public registry. Everybody may read it; a login raises its limits.
pub(super) const PUBLIC: &str = "public.ecr.aws";
/// Variables that together are an identity.
pub(super) const OFFERS: &[&[&str]] = &[
    &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
    &["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"],
    &["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
    &["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"],
];

/// What the name of a registry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Registry {
    region: String,
    service: &'static str,
    /// Where its API is.
    api: String,
    target: &'static str,
}

/// `ACCOUNT.dkr.ecr.REGION.amazonaws.com`, its FIPS, dual-stack and Chinese forms, or the public registry.
pub(super) fn registry(host: &str) -> Option<Registry> {
    const TARGET: &str = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
    if host == PUBLIC {
        return Some(Registry {
            region: "us-east-1".to_owned(),
            service: "ecr-public",
            api: "https://api.ecr-public.us-east-1.amazonaws.com/".to_owned(),
            target: "SpencerFrontendService.GetAuthorizationToken",
        });
    }
    let (account, rest) = host.split_once('.')?;
    if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (region, api) = if let Some(rest) = rest.strip_prefix("dkr.ecr.") {
        let (region, suffix) = rest.split_once('.')?;
        let known = matches!(suffix, "amazonaws.com" | "amazonaws.com.cn" | "amazonaws.eu");
        (region, known.then(|| format!("https://api.ecr.{region}.{suffix}/"))?)
    } else if let Some(rest) = rest.strip_prefix("dkr.ecr-fips.") {
        let region = rest.strip_suffix(".amazonaws.com")?;
        (region, format!("https://ecr-fips.{region}.amazonaws.com/"))
    } else {
        let region = rest.strip_prefix("dkr-ecr.")?.strip_suffix(".on.aws")?;
        (region, format!("https://ecr.{region}.api.aws/"))
    };
    let plain = !region.is_empty() && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    plain.then(|| Registry { region: region.to_owned(), service: "ecr", api, target: TARGET })
}

/// The login for the registry.
pub(super) async fn login(clouds: &Clouds, host: &str) -> Result<Fresh<Proof>, NoLogin> {
    let mut registry = registry(host).ok_or_else(|| format!("{host} is no registry of AWS"))?;
    let own = if registry.service == "ecr" { "AWS_ENDPOINT_URL_ECR" } else { "AWS_ENDPOINT_URL_ECR_PUBLIC" };
    if let Some(endpoint) = clouds.variable(own).or_else(|| clouds.variable("AWS_ENDPOINT_URL")) {
        registry.api = endpoint;
    }
    let keys = identity::keys(clouds, &registry.region).await?;
    let now = clouds.surroundings.now();
    let request = request(&registry, &keys, now)?;
    let answer = clouds.ask(request, &keys.secrets(), words).await?;
    read(&json(&answer)?, now)
}

const BODY: &str = "{}";
const MEDIA_TYPE: &str = "application/x-amz-json-1.1";

/// Asks for the login, signed with the keys at `now`, in seconds since 1970.
fn request(registry: &Registry, keys: &Keys, now: i64) -> Result<Request, NoLogin> {
    let url = address(&registry.api)?;
    let authority = crate::http::authority(&url);
    let headers = [("content-type", MEDIA_TYPE), ("host", &authority), ("x-amz-target", registry.target)];
    let signed = sign(registry, keys, now, url.as_str(), &headers)?;
    let body = Body { media_type: MEDIA_TYPE, content: Secret::new(BODY) };
    let mut request = Request::post(url, body);
    request.headers.push((HeaderName::from_static("x-amz-target"), Secret::new(registry.target)));
    request.headers.extend(signed);
    Ok(request)
}

/// The headers of a signature (version 4) by the vendor's own crate.
#[cfg(feature = "aws")]
fn sign(
    registry: &Registry,
    keys: &Keys,
    now: i64,
    url: &str,
    headers: &[(&str, &str)],
) -> Result<Vec<(HeaderName, Secret)>, NoLogin> {
    use aws_credential_types::Credentials;
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4::SigningParams;
    let unsignable = |bad: &dyn std::fmt::Display| format!("the request to AWS cannot be signed: {bad}");
    let session = keys.session.as_ref().map(|token| token.expose().to_owned());
    let identity = Credentials::new(&keys.id, keys.secret.expose(), session, None, "landwaiter").into();
    let time = std::time::UNIX_EPOCH + Duration::from_secs(now.try_into().unwrap_or_default());
    let params = SigningParams::builder()
        .identity(&identity)
        .region(&registry.region)
        .name(registry.service)
        .time(time)
        .settings(SigningSettings::default())
        .build()
        .map_err(|bad| unsignable(&bad))?;
    let body = SignableBody::Bytes(BODY.as_bytes());
    let signable = SignableRequest::new("POST", url, headers.iter().copied(), body).map_err(|bad| unsignable(&bad))?;
    let (instructions, _) = sign(signable, &params.into()).map_err(|bad| unsignable(&bad))?.into_parts();
    let made = instructions.headers().map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|bad| unsignable(&bad))?;
        Ok((name, Secret::new(value)))
    });
    made.collect()
}

#[cfg(not(feature = "aws"))]
fn sign(
    _registry: &Registry,
    _keys: &Keys,
    _now: i64,
    _url: &str,
    _headers: &[(&str, &str)],
) -> Result<Vec<(HeaderName, Secret)>, NoLogin> {
    Err("this program was built without the login of AWS (feature `aws`)".to_owned())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    authorization_data: OneOrMany,
}

/// ECR answers with a list of one, the public registry with the one itself.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<Authorization>),
    One(Authorization),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authorization {
    authorization_token: String,
    /// Seconds since 1970, with a fraction.
    expires_at: f64,
}

fn read(answer: &Answer, now: i64) -> Result<Fresh<Proof>, NoLogin> {
    let found = match &answer.authorization_data {
        OneOrMany::Many(list) => list.first(),
        OneOrMany::One(one) => Some(one),
    };
    let unreadable = || "AWS answered without a login".to_owned();
    let found = found.ok_or_else(unreadable)?;
    let decoded = STANDARD.decode(&found.authorization_token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or_else(unreadable)?;
    let (user, password) = decoded.split_once(':').ok_or_else(unreadable)?;
    // Saturates, and what is no number is no time.
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds are all that is wanted")]
    let left = (found.expires_at as i64).saturating_sub(now);
    let lifetime = Duration::from_secs(left.try_into().unwrap_or_default());
    Ok(Fresh { value: Proof::Password { user: user.to_owned(), password: Secret::new(password) }, lifetime })
}

/// A refusal as the JSON protocol of AWS writes it.
fn words(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Words {
        #[serde(rename = "__type", default)]
        kind: String,
        #[serde(alias = "Message", default)]
        message: String,
    }
    let Ok(said) = serde_json::from_slice::<Words>(body) else {
        return String::new();
    };
    let kind = said.kind.rsplit('#').next().unwrap_or_default();
    format!("{kind} {}", said.message).trim().to_owned()
}

#[cfg(all(test, feature = "aws"))]
mod tests {
    use super::*;
    use crate::registry::cloud::fake::{NOW, World, header, sent};

    const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    const KEYS: [(&str, &str); 2] =
        [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")];

    fn answer(expires_at: i64) -> String {
        let token = STANDARD.encode("AWS:ecr-pass:word");
        format!(
            r#"{{"authorizationData":[{{"authorizationToken":"{token}","expiresAt":{expires_at}.809,
                "proxyEndpoint":"https://{HOST}"}}]}}"#
        )
    }

    fn password(text: &str) -> Proof {
        Proof::Password { user: "AWS".to_owned(), password: Secret::new(text) }
    }

    #[test]
    fn where_the_api_of_a_registry_is() {
        for (host, region, api) in [
            (HOST, "us-east-1", "https://api.ecr.us-east-1.amazonaws.com/"),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
                "https://api.ecr.cn-north-1.amazonaws.com.cn/",
            ),
            (
                "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
                "us-gov-west-1",
                "https://ecr-fips.us-gov-west-1.amazonaws.com/",
            ),
            ("123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1", "https://ecr.eu-west-1.api.aws/"),
            ("public.ecr.aws", "us-east-1", "https://api.ecr-public.us-east-1.amazonaws.com/"),
        ] {
            let found = registry(host).unwrap();
            assert_eq!((found.region.as_str(), found.api.as_str()), (region, api), "{host}");
        }
    }

    /// The signature computed here once more, from the specification, by other means.
    #[test]
    fn the_request_is_the_documented_one_and_signed() {
        let keys = Keys {
            id: "AKIDEXAMPLE".to_owned(),
            secret: Secret::new(KEYS[1].1),
            session: Some(Secret::new("session-token")),
        };
        let request = request(&registry(HOST).unwrap(), &keys, NOW).unwrap();
        assert_eq!(request.url.as_str(), "https://api.ecr.us-east-1.amazonaws.com/");
        assert_eq!(sent(&request), "{}");
        assert_eq!(request.body.as_ref().unwrap().media_type, "application/x-amz-json-1.1");
        assert_eq!(header(&request, "x-amz-target"), "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken");
        assert_eq!(header(&request, "x-amz-date"), "20260102T030405Z");
        assert_eq!(header(&request, "x-amz-security-token"), "session-token");
        let canonical = "POST\n/\n\ncontent-type:application/x-amz-json-1.1\nhost:api.ecr.us-east-1.amazonaws.com\n\
            x-amz-date:20260102T030405Z\nx-amz-security-token:session-token\n\
            x-amz-target:AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken\n\n\
            content-type;host;x-amz-date;x-amz-security-token;x-amz-target\n\
            44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        let scope = "20260102/us-east-1/ecr/aws4_request";
        let hash = hex(ring::digest::digest(&ring::digest::SHA256, canonical.as_bytes()).as_ref());
        let to_sign = format!("AWS4-HMAC-SHA256\n20260102T030405Z\n{scope}\n{hash}");
        let mut key = format!("AWS4{}", KEYS[1].1).into_bytes();
        for part in scope.split('/').chain([to_sign.as_str()]) {
            let hmac = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
            key = ring::hmac::sign(&hmac, part.as_bytes()).as_ref().to_vec();
        }
        assert_eq!(
            header(&request, "authorization"),
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature={}",
                hex(&key)
            )
        );
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[tokio::test]
    async fn the_documented_answer_is_a_login_until_it_expires() {
        let api = "POST https://api.ecr.us-east-1.amazonaws.com/";
        let world = World::new(&KEYS).answer(api, 200, &answer(NOW + 43_200));
        let login = world.clouds().login(super::super::Cloud::Aws, HOST).await.unwrap();
        assert_eq!(login, Fresh { value: password("ecr-pass:word"), lifetime: Duration::from_secs(43_200) });
        assert_eq!(world.addresses(), [api]);
    }

    #[tokio::test]
    async fn the_public_registry_answers_with_one() {
        let token = STANDARD.encode("AWS:public-pass");
        let body = format!(r#"{{"authorizationData":{{"authorizationToken":"{token}","expiresAt":{}}}}}"#, NOW + 60);
        let world = World::new(&KEYS).answer("POST https://api.ecr-public.us-east-1.amazonaws.com/", 200, &body);
        let login = login(&world.clouds(), PUBLIC).await.unwrap();
        assert_eq!(login.value, password("public-pass"));
        assert_eq!(header(&world.asked()[0], "x-amz-target"), "SpencerFrontendService.GetAuthorizationToken");
    }

    #[tokio::test]
    async fn an_endpoint_of_one_s_own_is_asked() {
        let mut variables = KEYS.to_vec();
        variables.push(("AWS_ENDPOINT_URL_ECR", "https://vpce-1.api.ecr.us-east-1.vpce.amazonaws.com"));
        let api = "POST https://vpce-1.api.ecr.us-east-1.vpce.amazonaws.com/";
        let world = World::new(&variables).answer(api, 200, &answer(NOW + 60));
        assert!(login(&world.clouds(), HOST).await.is_ok());
    }

    #[tokio::test]
    async fn a_refusal_is_told_in_the_cloud_s_words_and_without_secrets() {
        let api = "POST https://api.ecr.us-east-1.amazonaws.com/";
        for (status, body, said) in [
            (
                400,
                r#"{"__type":"UnrecognizedClientException","message":"The security token included is invalid."}"#,
                "api.ecr.us-east-1.amazonaws.com refuses (400): UnrecognizedClientException The security token included is invalid.",
            ),
            (
                400,
                r#"{"__type":"com.amazon.coral#AccessDeniedException","Message":"no wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}"#,
                "api.ecr.us-east-1.amazonaws.com refuses (400): AccessDeniedException no •••",
            ),
            (503, "<html>", "api.ecr.us-east-1.amazonaws.com refuses (503)"),
            (200, "<html>", "api.ecr.us-east-1.amazonaws.com answered with something else than was asked for"),
            (200, r#"{"authorizationData":[]}"#, "AWS answered without a login"),
            (
                200,
                r#"{"authorizationData":[{"authorizationToken":"***","expiresAt":1}]}"#,
                "AWS answered without a login",
            ),
        ] {
            let world = World::new(&KEYS).answer(api, status, body);
            assert_eq!(login(&world.clouds(), HOST).await.unwrap_err(), said);
        }
    }
}
