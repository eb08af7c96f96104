/**
 * Certificates of throwaway servers, made with openssl.
 *
 * @module
 */
import { must } from "./process.ts";

const KEY = ["-newkey", "rsa:2048", "-nodes"];
const DAYS = ["-days", "30"];

/** Writes an authority: `ca.crt` and `ca.key` in the folder. */
export async function writeAuthority(folder: string): Promise<void> {
  const files = ["-keyout", "ca.key", "-out", "ca.crt"];
  await openssl(folder, "req", "-x509", ...KEY, "-subj", "/CN=test-ca", ...DAYS, ...files);
}

/** Writes `NAME.crt` and `NAME.key`, signed by the folder's authority, with one line of X.509 extensions. */
export async function writeCertificate(
  folder: string,
  name: string,
  subject: string,
  extension: string,
): Promise<void> {
  await Deno.writeTextFile(`${folder}/${name}.ext`, `${extension}\n`);
  await openssl(folder, "req", ...KEY, "-subj", subject, "-keyout", `${name}.key`, "-out", `${name}.csr`);
  const authority = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", ...DAYS];
  const files = ["-in", `${name}.csr`, "-extfile", `${name}.ext`, "-out", `${name}.crt`];
  await openssl(folder, "x509", "-req", ...authority, ...files);
}

/** Writes `NAME.key` and `NAME.pub`, a key pair without certificate. */
export async function writeKeyPair(folder: string, name: string): Promise<void> {
  await openssl(folder, "genrsa", "-out", `${name}.key`, "2048");
  await openssl(folder, "rsa", "-in", `${name}.key`, "-pubout", "-out", `${name}.pub`);
}

async function openssl(folder: string, ...args: string[]): Promise<void> {
  await must(["openssl", ...args], { cwd: folder });
}

/**
 * Writes client certificates of every kind, each as `NAME.crt` and `NAME.key`, signed by themselves: `rsa`, `other`, `p256`, `p521`, `ed25519`;
 * `small` (RSA of 1024 bits), `version1` (X.509 version 1); and `encrypted.key`, whose passphrase nobody knows.
 */
export async function writeClientCertificates(folder: string): Promise<void> {
  const self = async (name: string, ...algorithm: string[]) => {
    const files = ["-keyout", `${name}.key`, "-out", `${name}.crt`];
    await openssl(
      folder,
      "req",
      "-x509",
      "-newkey",
      ...algorithm,
      "-nodes",
      "-subj",
      `/O=system:masters/CN=${name}`,
      ...DAYS,
      ...files,
    );
  };
  await self("rsa", "rsa:2048");
  await self("other", "rsa:2048");
  await self("small", "rsa:1024");
  await self("p256", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1");
  await self("p521", "ec", "-pkeyopt", "ec_paramgen_curve:secp521r1");
  await self("ed25519", "ed25519");
  await openssl(folder, "req", ...KEY, "-subj", "/CN=version1", "-keyout", "version1.key", "-out", "version1.csr");
  await openssl(
    folder,
    "x509",
    "-req",
    "-in",
    "version1.csr",
    "-signkey",
    "version1.key",
    ...DAYS,
    "-out",
    "version1.crt",
  );
  await openssl(folder, "genrsa", "-aes256", "-passout", "pass:unknown", "-out", "encrypted.key", "2048");
}

/** Writes `version1.crt` and `version1.key`: a client certificate of X.509 version 1, of an administrator, signed by the folder's authority. */
export async function writeVersionOne(folder: string): Promise<void> {
  const subject = "/O=system:masters/CN=version1";
  await openssl(folder, "req", ...KEY, "-subj", subject, "-keyout", "version1.key", "-out", "version1.csr");
  const authority = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", ...DAYS];
  await openssl(folder, "x509", "-req", "-in", "version1.csr", ...authority, "-out", "version1.crt");
}
