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
