//! Azure Container Registry: a token of Entra ID is traded at the registry for a refresh token, which its token service
//! takes like any identity token (<https://learn.microsoft.com/azure/container-registry/container-registry-authentication>,
//! "AAD-OAuth" in the registry's own documentation).
//!
//! The token of Entra ID comes, in the order of Azure's own libraries, from a client secret, a federated token file
//! (workload identity) or the managed identity of the machine.

use super::{Clouds, NoLogin, address, form, json, oauth_words};
use crate::http::Request;
use crate::port::Secret;
use crate::registry::credentials::Proof;
use crate::registry::kept::Fresh;
use reqwest::header::HeaderName;
use serde::Deserialize;
use std::time::Duration;

/// Variables that together are an identity.
pub(super) const OFFERS: &[&[&str]] = &[
    &["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"],
    &["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"],
];
const METADATA: &str = "http://169.254.169.254/metadata/identity/oauth2/token";
/// The registry's refresh tokens are good for three hours and do not say so where we could read it without taking them
/// apart; they are renewed well before.
const LIFETIME: Duration = Duration::from_secs(3_600);

/// What the name of a registry says: which of the clouds it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Registry {
    authority: &'static str,
    /// Whom the token of Entra ID is for.
    audience: &'static str,
}

/// `NAME.azurecr.io` and its sovereign forms; a registry's data endpoints have more parts.
pub(super) fn registry(host: &str) -> Option<Registry> {
    if host.contains(':') {
        return None;
    }
    let (name, zone) = host.split_once(".azurecr.")?;
    let named = !name.is_empty() && name.split('.').all(|part| !part.is_empty());
    let registry = match zone {
        "io" => {
            Registry { authority: "https://login.microsoftonline.com", audience: "https://containerregistry.azure.net" }
        }
        "cn" => {
            Registry { authority: "https://login.chinacloudapi.cn", audience: "https://management.chinacloudapi.cn" }
        }
        "us" => {
            Registry { authority: "https://login.microsoftonline.us", audience: "https://management.usgovcloudapi.net" }
        }
        _ => return None,
    };
    named.then_some(registry)
}

/// The login for the registry.
pub(super) async fn login(clouds: &Clouds, host: &str) -> Result<Fresh<Proof>, NoLogin> {
    let registry = registry(host).ok_or_else(|| format!("{host} is no registry of Azure"))?;
    let token = entra_token(clouds, registry).await?;
    let tenant = clouds.variable("AZURE_TENANT_ID").unwrap_or_default();
    let body = form(&[
        ("grant_type", "access_token"),
        ("service", host),
        ("tenant", &tenant),
        ("access_token", token.expose()),
    ]);
    let request = Request::post(address(&format!("https://{host}/oauth2/exchange"))?, body);
    let answer = clouds.ask(request, &[&token], registry_words).await?;
    let answer: Exchanged = json(&answer)?;
    Ok(Fresh { value: Proof::Identity(Secret::new(answer.refresh_token)), lifetime: LIFETIME })
}

#[derive(Deserialize)]
struct Exchanged {
    refresh_token: String,
}

#[derive(Deserialize)]
struct EntraAnswer {
    access_token: String,
}

async fn entra_token(clouds: &Clouds, registry: Registry) -> Result<Secret, NoLogin> {
    let variable = |name: &str| clouds.variable(name);
    let client = variable("AZURE_CLIENT_ID");
    let (request, used) = match (variable("AZURE_TENANT_ID"), client.as_deref()) {
        (Some(tenant), Some(client)) if variable("AZURE_CLIENT_SECRET").is_some() => {
            let secret = Secret::new(variable("AZURE_CLIENT_SECRET").unwrap_or_default());
            let proof = [("client_secret", secret.expose())];
            (grant(clouds, registry, &tenant, client, &proof)?, Some(secret))
        }
        (Some(tenant), Some(client)) if variable("AZURE_FEDERATED_TOKEN_FILE").is_some() => {
            let token = clouds.secret_file(&variable("AZURE_FEDERATED_TOKEN_FILE").unwrap_or_default())?;
            let proof = [
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", token.expose()),
            ];
            (grant(clouds, registry, &tenant, client, &proof)?, Some(token))
        }
        _ => (managed(registry, client.as_deref())?, None),
    };
    let answer = clouds.ask(request, &used.iter().collect::<Vec<_>>(), oauth_words).await;
    let answer = answer.map_err(|why| match used {
        Some(_) => why,
        None => format!(
            "no identity of Azure was found: neither a client secret, a federated token nor a managed identity ({why})"
        ),
    })?;
    json::<EntraAnswer>(&answer).map(|answer| Secret::new(answer.access_token))
}

/// The client credentials grant
/// (<https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#get-a-token>).
fn grant(
    clouds: &Clouds,
    registry: Registry,
    tenant: &str,
    client: &str,
    proof: &[(&str, &str)],
) -> Result<Request, NoLogin> {
    let own = clouds.variable("AZURE_AUTHORITY_HOST");
    let authority = own.as_deref().unwrap_or(registry.authority).trim_end_matches('/');
    let mut url = address(authority)?;
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend([tenant, "oauth2", "v2.0", "token"]);
    }
    let scope = format!("{}/.default", registry.audience);
    let mut pairs = vec![("grant_type", "client_credentials"), ("client_id", client), ("scope", scope.as_str())];
    pairs.extend_from_slice(proof);
    Ok(Request::post(url, form(&pairs)))
}

/// <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>; the client tells
/// several identities of one machine apart.
fn managed(registry: Registry, client: Option<&str>) -> Result<Request, NoLogin> {
    let mut url = address(METADATA)?;
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("api-version", "2018-02-01").append_pair("resource", registry.audience);
        if let Some(client) = client {
            query.append_pair("client_id", client);
        }
    }
    let mut request = Request::get(url);
    request.headers.push((HeaderName::from_static("metadata"), Secret::new("true")));
    Ok(request)
}

/// A refusal of the registry: `{"errors": [{"code", "message"}]}`.
fn registry_words(body: &[u8]) -> String {
    crate::registry::refusal::said(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::cloud::fake::{World, header, sent};

    const HOST: &str = "acme.azurecr.io";
    const EXCHANGE: &str = "POST https://acme.azurecr.io/oauth2/exchange";
    const ENTRA: &str = "POST https://login.microsoftonline.com/tenant-1/oauth2/v2.0/token";
    const TOKEN: &str =
        r#"{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"entra-secret"}"#;
    const REFRESH: &str = r#"{"refresh_token":"acr-refresh-secret"}"#;
    const FEDERATED: [(&str, &str); 3] =
        [("AZURE_TENANT_ID", "tenant-1"), ("AZURE_CLIENT_ID", "client-1"), ("AZURE_FEDERATED_TOKEN_FILE", "/token")];

    fn granted() -> Result<Fresh<Proof>, NoLogin> {
        Ok(Fresh { value: Proof::Identity(Secret::new("acr-refresh-secret")), lifetime: LIFETIME })
    }

    #[tokio::test]
    async fn workload_identity_is_traded_twice() {
        let world = World::new(&FEDERATED)
            .file("/token", "cluster-jwt\n")
            .answer(ENTRA, 200, TOKEN)
            .answer(EXCHANGE, 200, REFRESH);
        assert_eq!(login(&world.clouds(), HOST).await, granted());
        let asked = world.asked();
        assert_eq!(
            sent(&asked[0]),
            "grant_type=client_credentials&client_id=client-1&scope=https%3A%2F%2Fcontainerregistry.azure.net%2F.default\
             &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=cluster-jwt"
        );
        assert_eq!(
            sent(&asked[1]),
            "grant_type=access_token&service=acme.azurecr.io&tenant=tenant-1&access_token=entra-secret"
        );
    }

    #[tokio::test]
    async fn a_client_secret_and_another_authority() {
        let variables = [
            ("AZURE_TENANT_ID", "tenant/1"),
            ("AZURE_CLIENT_ID", "client-1"),
            ("AZURE_CLIENT_SECRET", "s&cret"),
            ("AZURE_AUTHORITY_HOST", "https://login.example.com/"),
        ];
        let entra = "POST https://login.example.com/tenant%2F1/oauth2/v2.0/token";
        let world = World::new(&variables).answer(entra, 200, TOKEN).answer(EXCHANGE, 200, REFRESH);
        assert_eq!(login(&world.clouds(), HOST).await, granted());
        assert!(sent(&world.asked()[0]).ends_with("&client_secret=s%26cret"));
    }

    #[tokio::test]
    async fn sovereign_clouds_have_their_own_authority() {
        for (host, authority, audience) in [
            ("acme.azurecr.cn", "login.chinacloudapi.cn", "management.chinacloudapi.cn"),
            ("acme.azurecr.us", "login.microsoftonline.us", "management.usgovcloudapi.net"),
        ] {
            let entra = format!("POST https://{authority}/tenant-1/oauth2/v2.0/token");
            let world = World::new(&FEDERATED).file("/token", "jwt").answer(&entra, 200, TOKEN).answer(
                &format!("POST https://{host}/oauth2/exchange"),
                200,
                REFRESH,
            );
            assert_eq!(login(&world.clouds(), host).await, granted(), "{host}");
            assert!(sent(&world.asked()[0]).contains(&format!("%2F%2F{audience}%2F.default")));
        }
    }

    #[tokio::test]
    async fn the_managed_identity_of_the_machine() {
        let world = World::new(&[("AZURE_CLIENT_ID", "client-1")])
            .answer(&format!("GET {METADATA}"), 200, TOKEN)
            .answer(EXCHANGE, 200, REFRESH);
        assert_eq!(login(&world.clouds(), HOST).await, granted());
        let asked = world.asked();
        assert_eq!(header(&asked[0], "metadata"), "true");
        assert_eq!(
            asked[0].url.query(),
            Some("api-version=2018-02-01&resource=https%3A%2F%2Fcontainerregistry.azure.net&client_id=client-1")
        );
        assert_eq!(sent(&asked[1]), "grant_type=access_token&service=acme.azurecr.io&access_token=entra-secret");
        let nowhere = login(&World::new(&[]).clouds(), HOST).await.unwrap_err();
        assert!(nowhere.starts_with("no identity of Azure was found"), "{nowhere}");
    }

    #[tokio::test]
    async fn refusals_are_told_without_secrets() {
        let entra =
            r#"{"error":"invalid_client","error_description":"AADSTS700024: cluster-jwt is expired. Trace ID: 1"}"#;
        let world = World::new(&FEDERATED).file("/token", "cluster-jwt").answer(ENTRA, 401, entra);
        assert_eq!(
            login(&world.clouds(), HOST).await.unwrap_err(),
            "login.microsoftonline.com refuses (401): invalid_client: AADSTS700024: ••• is expired. Trace ID: 1"
        );
        let acr = r#"{"errors":[{"code":"UNAUTHORIZED","message":"no access for entra-secret"}]}"#;
        let world = World::new(&FEDERATED).file("/token", "jwt").answer(ENTRA, 200, TOKEN).answer(EXCHANGE, 401, acr);
        assert_eq!(
            login(&world.clouds(), HOST).await.unwrap_err(),
            "acme.azurecr.io refuses (401): UNAUTHORIZED: no access for •••"
        );
    }
}
