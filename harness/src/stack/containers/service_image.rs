//! A service's image: its binary, the shared libraries that it needs, and nothing else.
//! Never: changes the binary's behaviour (only symbols are stripped), or keeps images of builds that are gone.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use bollard::query_parameters::{CreateImageOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptions};
use futures_util::StreamExt;
use tokio::process::Command;

use super::archive::ImageRoot;
use super::docker::Engine;
use super::error::{Doing, StackError, explain};
use super::images::pull;

const LABEL_SERVICE: &str = "paytwice.service";
/// Images of a service that stay, newest first: another harness on this machine may be about to start an older one.
const BUILDS_KEPT: usize = 6;
/// Changes whenever what is put beside the binary does.
const LAYOUT: u8 = 2;
/// The certificate authorities of this machine, where Debian and Alpine keep them.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Where a service comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceSource {
    /// A binary of a cargo workspace, built when asked for.
    Cargo {
        /// A folder inside the workspace.
        folder: PathBuf,
        /// The package.
        package: String,
        /// The binary.
        bin: String,
    },
    /// A binary that is there.
    Binary(PathBuf),
    /// An image, run as it is.
    Image(String),
}

/// The image of a service: built, packed or pulled where it is not there yet. `progress` is told before a build.
pub async fn service_image(
    engine: &Engine,
    service: &str,
    source: &ServiceSource,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Result<String, StackError> {
    match source {
        ServiceSource::Image(image) => existing_image(engine, service, image).await,
        ServiceSource::Binary(path) => pack(engine, service, path).await,
        ServiceSource::Cargo { folder, package, bin } => {
            progress(&format!("building {service} (cargo build --workspace --bin {bin})"));
            let binary = cargo_build(service, folder, package, bin).await?;
            pack(engine, service, &binary).await
        }
    }
}

async fn existing_image(engine: &Engine, service: &str, image: &str) -> Result<String, StackError> {
    if !engine.has_image(image).await? {
        pull(engine, image).await.map_err(|cause| StackError::ImageMissing {
            party: service.to_string(),
            image: image.to_string(),
            cause,
            remedy: format!("build or pull {image}, or correct services.{service}.image in the manifest"),
        })?;
    }
    Ok(image.to_string())
}

/// Builds the binary and returns where cargo put it.
async fn cargo_build(service: &str, folder: &Path, package: &str, bin: &str) -> Result<PathBuf, StackError> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_string());
    let output = Command::new(&cargo)
        .args([
            "build",
            "--message-format=json-render-diagnostics",
            // The whole workspace, so that shared dependencies are built with the features that everything else has.
            "--workspace",
            "--bin",
            bin,
        ])
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| {
            build_error(
                service,
                format!("{cargo} cannot be run: {error}"),
                "install Rust, or give the service as a binary or an image",
            )
        })?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(20)..].join("\n    ");
        let problem = format!("cargo build --workspace --bin {bin} failed:\n    {tail}");
        return Err(build_error(
            service,
            problem,
            &format!("run that command in {} and mend what it says", folder.display()),
        ));
    }
    executable(&String::from_utf8_lossy(&output.stdout), bin).ok_or_else(|| {
        let problem = format!("cargo built package {package} but named no executable for {bin}");
        build_error(
            service,
            problem,
            &format!("correct services.{service}.cargo in the manifest"),
        )
    })
}

fn executable(messages: &str, bin: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| {
            let built = message["reason"] == "compiler-artifact" && message["target"]["name"] == bin;
            message["executable"].as_str().filter(|_| built).map(PathBuf::from)
        })
}

/// Packs a binary, unless an image of exactly this content exists.
async fn pack(engine: &Engine, service: &str, binary: &Path) -> Result<String, StackError> {
    let unreadable = |path: &Path, cause| StackError::File {
        path: path.to_path_buf(),
        cause,
    };
    let content = tokio::fs::read(binary)
        .await
        .map_err(|cause| unreadable(binary, cause))?;
    let mut libraries = Vec::new();
    for path in shared_libraries(service, binary).await? {
        let content = tokio::fs::read(&path).await.map_err(|cause| unreadable(&path, cause))?;
        libraries.push((path, content));
    }
    let repository = format!("paytwice/service-{service}");
    let tag = content_hash(&content, &libraries);
    let image = format!("{repository}:{tag}");
    if engine.has_image(&image).await? {
        return Ok(image);
    }
    let content = stripped(binary).await.unwrap_or(content);
    let archive = image_root(&content, &libraries).map_err(|cause| unreadable(binary, cause))?;
    import(engine, service, &repository, &tag, archive).await?;
    prune(engine, service, &image).await;
    Ok(image)
}

/// What the loader would load: every path that `ldd` prints, the loader included. A static binary needs nothing.
async fn shared_libraries(service: &str, binary: &Path) -> Result<Vec<PathBuf>, StackError> {
    let remedy = "install ldd (libc-bin), or give the service as an image";
    let output = Command::new("ldd")
        .arg(binary)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| build_error(service, format!("ldd cannot be run: {error}"), remedy))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        if complaint.contains("not a dynamic executable") || text.contains("statically linked") {
            return Ok(Vec::new());
        }
        let problem = format!("ldd {}: {}", binary.display(), complaint.trim());
        return Err(build_error(
            service,
            problem,
            "build it for this machine, or give the service as an image",
        ));
    }
    if let Some(missing) = text.lines().find(|line| line.contains("not found")) {
        let problem = format!(
            "{} needs a library that is not here: {}",
            binary.display(),
            missing.trim()
        );
        return Err(build_error(
            service,
            problem,
            "install it, or give the service as an image",
        ));
    }
    Ok(paths_of_ldd(&text))
}

fn paths_of_ldd(text: &str) -> Vec<PathBuf> {
    let paths = text.lines().filter_map(|line| {
        let path = line
            .rsplit_once("=> ")
            .map_or(line, |(_, path)| path)
            .split_whitespace()
            .next()?;
        path.starts_with('/').then(|| PathBuf::from(path))
    });
    let mut paths: Vec<PathBuf> = paths.collect();
    // The C library loads these by name, when it looks up a host.
    let beside: Vec<PathBuf> = paths
        .iter()
        .filter(|path| path.ends_with("libc.so.6"))
        .flat_map(|libc| {
            ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"].map(|name| libc.with_file_name(name))
        })
        .filter(|path| path.exists())
        .collect();
    paths.extend(beside);
    paths.sort();
    paths.dedup();
    paths
}

fn content_hash(binary: &[u8], libraries: &[(PathBuf, Vec<u8>)]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write_u8(LAYOUT);
    hasher.write(binary);
    for (path, content) in libraries {
        hasher.write(path.as_os_str().as_encoded_bytes());
        hasher.write(content);
    }
    format!("{:016x}", hasher.finish())
}

/// The binary without symbols, where `strip` is at hand: a fifth of the size.
async fn stripped(binary: &Path) -> Option<Vec<u8>> {
    let folder = std::env::temp_dir().join(format!("paytwice-strip-{}", super::owner::StackId::fresh()));
    tokio::fs::create_dir(&folder).await.ok()?;
    let target = folder.join("binary");
    let status = Command::new("strip")
        .arg("-o")
        .arg(&target)
        .arg(binary)
        .stderr(Stdio::null())
        .status()
        .await;
    let content = match status {
        Ok(status) if status.success() => tokio::fs::read(&target).await.ok(),
        _ => None,
    };
    let _ = tokio::fs::remove_dir_all(&folder).await;
    content
}

fn image_root(binary: &[u8], libraries: &[(PathBuf, Vec<u8>)]) -> std::io::Result<Vec<u8>> {
    let mut root = ImageRoot::new();
    root.folder("tmp/", 0o1777)?;
    root.folder("etc/", 0o755)?;
    root.file("etc/passwd", 0o644, b"root:x:0:0:root:/:/service\n")?;
    root.file("etc/group", 0o644, b"root:x:0:\n")?;
    root.file("etc/nsswitch.conf", 0o644, b"hosts: files dns\n")?;
    // HTTP clients with TLS refuse to start without authorities, also where they only ever speak plain HTTP.
    if let Ok(authorities) = std::fs::read(AUTHORITIES) {
        for folder in ["etc/ssl/", "etc/ssl/certs/"] {
            root.folder(folder, 0o755)?;
        }
        root.file("etc/ssl/certs/ca-certificates.crt", 0o644, &authorities)?;
    }
    root.file("service", 0o755, binary)?;
    for (path, content) in libraries {
        root.file(&path.to_string_lossy(), 0o755, content)?;
    }
    root.finish()
}

async fn import(
    engine: &Engine,
    service: &str,
    repository: &str,
    tag: &str,
    archive: Vec<u8>,
) -> Result<(), StackError> {
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo(repository)
        .tag(tag)
        .changes(vec![
            "ENTRYPOINT [\"/service\"]".to_string(),
            format!("LABEL {LABEL_SERVICE}={service}"),
        ])
        .build();
    let body = bollard::body_full(archive.into());
    let mut steps = engine.api_client().create_image(Some(options), Some(body), None);
    while let Some(step) = steps.next().await {
        step.doing(|| format!("import the image of {service}"))?;
    }
    Ok(())
}

/// Removes the service's older images. One that a container still uses stays.
async fn prune(engine: &Engine, service: &str, keep: &str) {
    let label = format!("{LABEL_SERVICE}={service}");
    let options = ListImagesOptionsBuilder::new()
        .filters(&HashMap::from([("label", vec![label])]))
        .build();
    let mut images = engine.api_client().list_images(Some(options)).await.unwrap_or_default();
    images.sort_by_key(|image| std::cmp::Reverse(image.created));
    for tag in images
        .into_iter()
        .skip(BUILDS_KEPT)
        .flat_map(|image| image.repo_tags)
        .filter(|tag| tag != keep)
    {
        if let Err(error) = engine
            .api_client()
            .remove_image(&tag, None::<RemoveImageOptions>, None)
            .await
        {
            tracing::debug!("image {tag} stays: {}", explain(&error));
        }
    }
}

fn build_error(service: &str, problem: String, remedy: &str) -> StackError {
    StackError::Build {
        service: service.to_string(),
        problem,
        remedy: remedy.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ldd_names_libraries_and_loader() {
        let text = "\tlinux-vdso.so.1 (0x1)\n\tlibgcc_s.so.1 => /lib/x/libgcc_s.so.1 (0x2)\n\t/lib64/ld-linux-x86-64.so.2 (0x3)\n";
        let expected = [
            PathBuf::from("/lib/x/libgcc_s.so.1"),
            PathBuf::from("/lib64/ld-linux-x86-64.so.2"),
        ];
        assert_eq!(paths_of_ldd(text), expected);
    }

    #[test]
    fn cargo_names_the_executable() {
        let messages = "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"lib\"},\"executable\":null}\n\
            {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"pay\"},\"executable\":\"/t/pay\"}\n\
            {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(executable(messages, "pay"), Some(PathBuf::from("/t/pay")));
        assert_eq!(executable(messages, "lib"), None);
    }
}
