/**
 * What others wrote, without secrets: for messages that show it.
 *
 * @module
 */

/** Characters of a secret. Shorter ones are words of every text. */
const SHORTEST = 4;

/** A text without secrets that are known, as they are and in base64. */
export function withoutSecrets(text: string, secrets: readonly (string | undefined)[]): string {
  const known = secrets.filter((secret) => secret !== undefined && secret.length >= SHORTEST) as string[];
  return known.flatMap((secret) => [secret, encoded(secret)])
    .reduce((rest, secret) => rest.replaceAll(secret, "[secret]"), text);
}

/** A URL, or what was meant as one, without the login in it. */
export function withoutLogin(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, "$1…@");
}

function encoded(secret: string): string {
  return new TextEncoder().encode(secret).toBase64();
}
