//! TLS that a link ends: the certificates of a run, and the two handshakes of a connection.
//!
//! The service is shown a certificate that the run made; the server's own is not looked at, as it made that itself and
//! the link goes to an address of the run's own network. Never: writes a key anywhere, or lets a key outlive the run.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Why a run cannot have certificates.
#[derive(Debug, thiserror::Error)]
#[error("the certificates of the run cannot be made: {0}")]
pub struct TlsError(String);

impl TlsError {
    fn new(cause: impl fmt::Display) -> TlsError {
        TlsError(cause.to_string())
    }
}

/// The authority of one run: who trusts its certificate trusts every link of the run, and nothing else.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    provider: Arc<CryptoProvider>,
}

impl Authority {
    /// A fresh one.
    pub fn new() -> Result<Authority, TlsError> {
        let mut params = named("paytwice: the authority of one run", Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().map_err(TlsError::new)?;
        Ok(Authority {
            issuer: CertifiedIssuer::self_signed(params, key).map_err(TlsError::new)?,
            provider: Arc::new(aws_lc_rs::default_provider()),
        })
    }

    /// What a leg needs that services reach under these names and addresses: a certificate for them, and the authority's
    /// to be handed to those who verify it.
    pub fn for_leg(&self, reached_as: &[String]) -> Result<Tls, TlsError> {
        let mut params = named("paytwice: a link of one run", reached_as.to_vec())?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().map_err(TlsError::new)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(TlsError::new)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain = vec![certificate.der().clone(), self.issuer.der().clone()];
        let server = ServerConfig::builder_with_provider(Arc::clone(&self.provider));
        let server = server.with_safe_default_protocol_versions().map_err(TlsError::new)?;
        let server = server.with_no_client_auth().with_single_cert(chain, key);
        let client = ClientConfig::builder_with_provider(Arc::clone(&self.provider));
        let client = client.with_safe_default_protocol_versions().map_err(TlsError::new)?;
        let anyone = Arc::new(Anyone(Arc::clone(&self.provider)));
        let client = client.dangerous().with_custom_certificate_verifier(anyone);
        Ok(Tls {
            acceptor: TlsAcceptor::from(Arc::new(server.map_err(TlsError::new)?)),
            connector: TlsConnector::from(Arc::new(client.with_no_client_auth())),
            authority_pem: Arc::from(self.issuer.pem()),
        })
    }
}

/// Parameters of a certificate that is valid at any date: the clock of a service may be set wrong.
fn named(name: &str, reached_as: Vec<String>) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(reached_as).map_err(TlsError::new)?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

/// Both ends of the encryption on a leg.
#[derive(Clone)]
pub struct Tls {
    pub(super) acceptor: TlsAcceptor,
    pub(super) connector: TlsConnector,
    authority_pem: Arc<str>,
}

impl Tls {
    /// The certificate of the run's authority, as PEM, for those who verify.
    pub fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// What the server is called in its handshake: an address, so that it hears no name.
    pub(super) fn server_name() -> ServerName<'static> {
        ServerName::IpAddress(IpAddr::from([127, 0, 0, 1]).into())
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// Takes any certificate.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
