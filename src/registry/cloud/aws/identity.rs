//! Where the keys of an identity of AWS are found, in the order of the vendor's own tools: variables, a web identity (IRSA),
//! the shared profile, the role of a container (EKS pod identity, ECS), the role of the instance.
//!
//! The first that is configured decides; one that is configured and fails is the reason, rather than another identity than
//! the operator meant.

use crate::http::{Answer, Method, Request};
use crate::port::Secret;
use crate::registry::cloud::{Clouds, NoLogin, address, form, json};
use reqwest::header::HeaderName;
use serde::Deserialize;
use std::path::Path;
use url::Url;

/// An identity's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: Secret,
    pub(super) session: Option<Secret>,
}

impl Keys {
    pub(super) fn secrets(&self) -> Vec<&Secret> {
        [Some(&self.secret), self.session.as_ref()].into_iter().flatten().collect()
    }
}

/// Containers ask for their keys here.
const CONTAINER: &str = "http://169.254.170.2";
/// Instances ask for theirs here.
const INSTANCE: &str = "http://169.254.169.254";
const NOWHERE: &str =
    "no identity of AWS was found: neither keys, web identity, profile nor the role of a container or instance";

pub(super) async fn keys(clouds: &Clouds, region: &str) -> Result<Keys, NoLogin> {
    if let Some(keys) = from_variables(clouds) {
        return Ok(keys);
    }
    if let Some(keys) = web_identity(clouds, region).await? {
        return Ok(keys);
    }
    if let Some(keys) = profile(clouds)? {
        return Ok(keys);
    }
    if let Some(keys) = container(clouds).await? {
        return Ok(keys);
    }
    if clouds.variable("AWS_EC2_METADATA_DISABLED").is_some_and(|said| said.eq_ignore_ascii_case("true")) {
        return Err(NOWHERE.to_owned());
    }
    instance(clouds).await.map_err(|why| format!("{NOWHERE} ({why})"))
}

fn from_variables(clouds: &Clouds) -> Option<Keys> {
    Some(Keys {
        id: clouds.variable("AWS_ACCESS_KEY_ID")?,
        secret: Secret::new(clouds.variable("AWS_SECRET_ACCESS_KEY")?),
        session: clouds.variable("AWS_SESSION_TOKEN").map(Secret::new),
    })
}

/// A token of the cluster is traded for the keys of a role.
async fn web_identity(clouds: &Clouds, region: &str) -> Result<Option<Keys>, NoLogin> {
    let named = clouds.variable("AWS_WEB_IDENTITY_TOKEN_FILE").zip(clouds.variable("AWS_ROLE_ARN"));
    let Some((file, role)) = named else {
        return Ok(None);
    };
    let token = clouds.secret_file(&file)?;
    let own = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| clouds.variable(name));
    let region = own.unwrap_or_else(|| region.to_owned());
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let own = clouds.variable("AWS_ENDPOINT_URL_STS").or_else(|| clouds.variable("AWS_ENDPOINT_URL"));
    let url = address(&own.unwrap_or_else(|| format!("https://sts.{region}.{suffix}/")))?;
    let session = clouds.variable("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| "landwaiter".to_owned());
    let answer = clouds.ask(assume_role(url, &role, &session, &token), &[&token], xml_words).await?;
    let text = String::from_utf8_lossy(&answer.body);
    let read = || {
        Some(Keys {
            id: element(&text, "AccessKeyId")?,
            secret: Secret::new(element(&text, "SecretAccessKey")?),
            session: Some(Secret::new(element(&text, "SessionToken")?)),
        })
    };
    read().map(Some).ok_or_else(|| "AWS answered without the keys of the role".to_owned())
}

/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>; needs no signature.
fn assume_role(url: Url, role: &str, session: &str, token: &Secret) -> Request {
    let body = form(&[
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", role),
        ("RoleSessionName", session),
        ("WebIdentityToken", token.expose()),
    ]);
    Request::post(url, body)
}

/// The text of an XML element without attributes and children, which is all that STS answers with; `None` when there is
/// none, or something that would have to be unescaped.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once(&format!("</{name}>"))?;
    (!value.is_empty() && !value.contains(['<', '&'])).then(|| value.trim().to_owned())
}

fn xml_words(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let words = [element(&text, "Code"), element(&text, "Message")];
    words.into_iter().flatten().collect::<Vec<_>>().join(": ")
}

/// The keys that the shared credentials file holds for the profile. Roles, SSO and programs of profiles are not followed.
fn profile(clouds: &Clouds) -> Result<Option<Keys>, NoLogin> {
    let named = clouds.variable("AWS_SHARED_CREDENTIALS_FILE");
    let usual = || clouds.variable("HOME").map(|home| format!("{home}/.aws/credentials"));
    let Some(file) = named.or_else(usual).filter(|file| clouds.surroundings.is_there(Path::new(file))) else {
        return Ok(None);
    };
    let chosen = clouds.variable("AWS_PROFILE");
    let name = chosen.clone().unwrap_or_else(|| "default".to_owned());
    let text = clouds.surroundings.read(Path::new(&file))?;
    match section(&text, &name) {
        Some(keys) => Ok(Some(keys)),
        None if chosen.is_none() => Ok(None),
        None => {
            Err(format!("{file} holds no keys for the profile `{name}` (roles, SSO and programs are not followed)"))
        }
    }
}

/// The keys of one `[section]`.
fn section(text: &str, name: &str) -> Option<Keys> {
    let lines = text.lines().map(str::trim);
    let below = lines.skip_while(|line| section_name(line) != Some(name)).skip(1);
    let own: Vec<(&str, &str)> = below
        .take_while(|line| section_name(line).is_none())
        .filter(|line| !line.starts_with(['#', ';']))
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim(), value.trim()))
        .collect();
    let get = |key: &str| own.iter().find(|(found, _)| found.eq_ignore_ascii_case(key)).map(|(_, value)| *value);
    Some(Keys {
        id: get("aws_access_key_id")?.to_owned(),
        secret: Secret::new(get("aws_secret_access_key")?),
        session: get("aws_session_token").map(Secret::new),
    })
}

fn section_name(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.split_once(']').map(|(name, _)| name.trim())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleKeys {
    access_key_id: String,
    secret_access_key: String,
    token: String,
}

fn role_keys(answer: &Answer) -> Result<Keys, NoLogin> {
    let keys: RoleKeys = json(answer)?;
    Ok(Keys {
        id: keys.access_key_id,
        secret: Secret::new(keys.secret_access_key),
        session: Some(Secret::new(keys.token)),
    })
}

/// The role of a container, where its variables say that there is one.
async fn container(clouds: &Clouds) -> Result<Option<Keys>, NoLogin> {
    let relative = clouds.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    let whole = relative.map(|path| format!("{CONTAINER}{path}"));
    let Some(uri) = whole.or_else(|| clouds.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")) else {
        return Ok(None);
    };
    let token = match clouds.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(file) => Some(clouds.secret_file(&file)?),
        None => clouds.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(Secret::new),
    };
    let mut request = Request::get(address(&uri)?);
    request.authorization = token.clone();
    let used: Vec<&Secret> = token.iter().collect();
    let answer = clouds.ask(request, &used, super::words).await?;
    role_keys(&answer).map(Some)
}

/// The role of the instance, by the second version of its metadata service, which wants a token first.
async fn instance(clouds: &Clouds) -> Result<Keys, NoLogin> {
    let base = clouds.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or_else(|| INSTANCE.to_owned());
    let base = base.trim_end_matches('/');
    let mut wanted = Request::get(address(&format!("{base}/latest/api/token"))?);
    wanted.method = Method::Put;
    let ttl = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
    wanted.headers.push((ttl, Secret::new("60")));
    let answer = clouds.ask(wanted, &[], super::words).await?;
    let token = Secret::new(String::from_utf8_lossy(&answer.body).into_owned());
    let ask = async |url: Url| {
        let mut request = Request::get(url);
        request.headers.push((HeaderName::from_static("x-aws-ec2-metadata-token"), token.clone()));
        clouds.ask(request, &[&token], super::words).await
    };
    let mut roles = address(&format!("{base}/latest/meta-data/iam/security-credentials/"))?;
    let answer = ask(roles.clone()).await?;
    let text = String::from_utf8_lossy(&answer.body);
    let role = text.lines().next().map(str::trim).filter(|role| !role.is_empty());
    let role = role.ok_or_else(|| "the instance has no role".to_owned())?;
    if let Ok(mut path) = roles.path_segments_mut() {
        path.pop_if_empty().push(role);
    }
    role_keys(&ask(roles).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::cloud::fake::{World, header, sent};

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const SESSION: &str = "AQoDYXdzEE0a8ANXXXXXXXXNO1ewxE5TijQyp+IEXAMPLE";
    /// The answer in the documentation of AssumeRoleWithWebIdentity.
    const ASSUMED: &str = r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <SubjectFromWebIdentityToken>amzn1.account.AF6RHO7KZU5XRVQJGXK6HB56KR2A</SubjectFromWebIdentityToken>
    <Audience>client.5498841531868486423.1548@apps.example.com</Audience>
    <AssumedRoleUser>
      <Arn>arn:aws:sts::123456789012:assumed-role/FederatedWebIdentityRole/app1</Arn>
      <AssumedRoleId>AROACLKWSDQRAOEXAMPLE:app1</AssumedRoleId>
    </AssumedRoleUser>
    <Credentials>
      <SessionToken>AQoDYXdzEE0a8ANXXXXXXXXNO1ewxE5TijQyp+IEXAMPLE</SessionToken>
      <SecretAccessKey>wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY</SecretAccessKey>
      <Expiration>2014-10-24T23:00:23Z</Expiration>
      <AccessKeyId>ASgeIAIOSFODNN7EXAMPLE</AccessKeyId>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"#;
    /// The form of the answers of containers and instances.
    const ROLE: &str = r#"{"Code":"Success","AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "Token":"AQoDYXdzEE0a8ANXXXXXXXXNO1ewxE5TijQyp+IEXAMPLE","Expiration":"2026-05-17T15:09:54Z"}"#;

    fn keys_of(id: &str, session: Option<&str>) -> Keys {
        Keys { id: id.to_owned(), secret: Secret::new(SECRET), session: session.map(Secret::new) }
    }

    async fn found(world: &World) -> Result<Keys, NoLogin> {
        keys(&world.clouds(), "eu-west-1").await
    }

    #[tokio::test]
    async fn variables_come_first_and_cost_nothing() {
        let variables = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", SECRET)];
        let mut with_session = variables.to_vec();
        with_session.push(("AWS_SESSION_TOKEN", SESSION));
        with_session.push(("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"));
        with_session.push(("AWS_ROLE_ARN", "arn"));
        assert_eq!(found(&World::new(&variables)).await, Ok(keys_of("AKID", None)));
        let world = World::new(&with_session);
        assert_eq!(found(&world).await, Ok(keys_of("AKID", Some(SESSION))));
        assert!(world.asked().is_empty());
    }

    const IRSA: [(&str, &str); 3] = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/images"),
        ("AWS_REGION", "eu-central-1"),
    ];

    #[tokio::test]
    async fn a_web_identity_is_traded_for_a_role() {
        let sts = "POST https://sts.eu-central-1.amazonaws.com/";
        let world = World::new(&IRSA).file(IRSA[0].1, "jwt.of&the=cluster\n").answer(sts, 200, ASSUMED);
        assert_eq!(found(&world).await, Ok(keys_of("ASgeIAIOSFODNN7EXAMPLE", Some(SESSION))));
        assert_eq!(
            sent(&world.asked()[0]),
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fimages\
             &RoleSessionName=landwaiter&WebIdentityToken=jwt.of%26the%3Dcluster"
        );
    }

    #[tokio::test]
    async fn an_identity_that_fails_is_the_reason_and_no_other_is_tried() {
        let sts = "POST https://sts.eu-central-1.amazonaws.com/";
        let refused = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code>\
            <Message>No OpenIDConnect provider found for jwt-secret</Message></Error></ErrorResponse>";
        let world = World::new(&IRSA).file(IRSA[0].1, "jwt-secret").answer(sts, 400, refused);
        assert_eq!(
            found(&world).await.unwrap_err(),
            "sts.eu-central-1.amazonaws.com refuses (400): InvalidIdentityToken: No OpenIDConnect provider found for •••"
        );
        let world = World::new(&IRSA).file(IRSA[0].1, "jwt").answer(sts, 200, "<html></html>");
        assert_eq!(found(&world).await.unwrap_err(), "AWS answered without the keys of the role");
        let world = World::new(&IRSA);
        assert_eq!(found(&world).await.unwrap_err(), format!("cannot read {}: not there", IRSA[0].1));
        assert!(world.asked().is_empty());
    }

    #[tokio::test]
    async fn keys_of_a_profile() {
        let file = format!(
            "# comment\n[default]\naws_access_key_id = D\naws_secret_access_key={SECRET}\n\n[ team ]\n; x\n\
             aws_access_key_id=T\naws_secret_access_key = {SECRET}\naws_session_token = {SESSION}\n[empty]\n"
        );
        let usual = [("HOME", "/home/joe")];
        let world = World::new(&usual).file("/home/joe/.aws/credentials", &file);
        assert_eq!(found(&world).await, Ok(keys_of("D", None)));
        let named = [("HOME", "/home/joe"), ("AWS_PROFILE", "team"), ("AWS_SHARED_CREDENTIALS_FILE", "/keys")];
        assert_eq!(found(&World::new(&named).file("/keys", &file)).await, Ok(keys_of("T", Some(SESSION))));
        let empty = [("AWS_PROFILE", "empty"), ("AWS_SHARED_CREDENTIALS_FILE", "/keys")];
        let said = found(&World::new(&empty).file("/keys", &file)).await.unwrap_err();
        assert!(said.starts_with("/keys holds no keys for the profile `empty`"), "{said}");
    }

    #[tokio::test]
    async fn the_role_of_a_container() {
        let pod = [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/token"),
        ];
        let world = World::new(&pod).file("/token", "pod-token\n").answer(
            "GET http://169.254.170.23/v1/credentials",
            200,
            ROLE,
        );
        assert_eq!(found(&world).await, Ok(keys_of("ASIAEXAMPLE", Some(SESSION))));
        assert_eq!(world.asked()[0].authorization.as_ref().unwrap().expose(), "pod-token");

        let task = [("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1")];
        let world = World::new(&task).answer("GET http://169.254.170.2/v2/credentials/1", 200, ROLE);
        assert_eq!(found(&world).await, Ok(keys_of("ASIAEXAMPLE", Some(SESSION))));

        let far = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://evil.example.com/x")];
        let world = World::new(&far);
        assert_eq!(found(&world).await.unwrap_err(), "http://evil.example.com/x would be asked without https");
        assert!(world.asked().is_empty());
    }

    #[tokio::test]
    async fn the_role_of_an_instance() {
        let base = "http://169.254.169.254/latest";
        let world = World::new(&[])
            .answer(&format!("PUT {base}/api/token"), 200, "imds-token")
            .answer(&format!("GET {base}/meta-data/iam/security-credentials/"), 200, "images role\n")
            .answer(&format!("GET {base}/meta-data/iam/security-credentials/images%20role"), 200, ROLE);
        assert_eq!(found(&world).await, Ok(keys_of("ASIAEXAMPLE", Some(SESSION))));
        let asked = world.asked();
        assert_eq!(header(&asked[0], "x-aws-ec2-metadata-token-ttl-seconds"), "60");
        assert!(asked[1..].iter().all(|request| header(request, "x-aws-ec2-metadata-token") == "imds-token"));
    }

    #[tokio::test]
    async fn a_machine_without_any_identity_says_so() {
        let said = found(&World::new(&[])).await.unwrap_err();
        assert_eq!(said, format!("{NOWHERE} (169.254.169.254: nobody there)"));
        let world = World::new(&[("AWS_EC2_METADATA_DISABLED", "true")]);
        assert_eq!(found(&world).await.unwrap_err(), NOWHERE);
        assert!(world.asked().is_empty());
    }
}
