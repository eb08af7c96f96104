/**
 * Certificates to garble.
 *
 * @module
 */
import { writeAuthority, writeCertificate } from "../support/certificates.ts";
import type { Certificates } from "./cases.ts";

/** Creates an authority and a client's certificate. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await Deno.makeTempDir();
  try {
    await writeAuthority(folder);
    await writeCertificate(folder, "client", "/CN=client", "extendedKeyUsage=clientAuth");
    const read = (name: string) => Deno.readTextFile(`${folder}/${name}`);
    const [ca, cert, key] = await Promise.all([read("ca.crt"), read("client.crt"), read("client.key")]);
    return { ca, cert, key };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
