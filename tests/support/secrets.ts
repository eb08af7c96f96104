/**
 * Secrets that can be distinguished from everything else, and the search for them in what was written.
 *
 * @module
 */

/** Characters of a secret that count as a leak: messages shorten what they quote. */
const PIECE = 12;

/** Where a secret was found. */
export interface Leak {
  /** The place that the secret was planted in. */
  readonly place: string;
  /** What it was found in. */
  readonly where: string;
  /** The text around it. */
  readonly text: string;
}

/** Secrets by the places that they are planted in. */
export class Secrets {
  readonly #places = new Map<string, string>();
  readonly #pieces = new Map<string, string>();

  /** A new secret for a place. It has letters and digits alone, so that it stands everywhere as it is. */
  plant(place: string): string {
    const secret = `m${crypto.randomUUID().replaceAll("-", "")}`;
    this.add(place, secret);
    return secret;
  }

  /** A secret that is given: a token, a key. */
  add(place: string, secret: string): void {
    this.#places.set(place, secret);
    for (let at = 0; at + PIECE <= secret.length; at += PIECE) this.#pieces.set(secret.slice(at, at + PIECE), place);
    for (const piece of base64Pieces(secret)) this.#pieces.set(piece, place);
  }

  /** The places. */
  get places(): string[] {
    return [...this.#places.keys()];
  }

  /** Every secret that is in a text, as it is, in part, or in base64. */
  search(where: string, text: string): Leak[] {
    const found = new Map<string, number>();
    for (const [piece, place] of this.#pieces) {
      const at = text.indexOf(piece);
      if (at >= 0 && !found.has(place)) found.set(place, at);
    }
    return [...found].map(([place, at]) => ({ place, where, text: text.slice(Math.max(0, at - 150), at + 80) }));
  }

  /** Every secret that is in the name or the content of a file below a folder. */
  async searchFolder(folder: string, where: string): Promise<Leak[]> {
    const leaks: Leak[] = [];
    for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
      leaks.push(...this.search(`the name ${where}/${name}`, name));
      if (isDirectory) leaks.push(...await this.searchFolder(`${folder}/${name}`, `${where}/${name}`));
      else if (isFile) leaks.push(...this.search(`${where}/${name}`, latin1(await Deno.readFile(`${folder}/${name}`))));
    }
    return leaks;
  }
}

/** What of a secret is in base64 whatever stands around it, of which the first and the last characters depend. */
function base64Pieces(secret: string): string[] {
  return ["", "x", "xx"].map((before) => btoa(before + secret).slice(before.length * 4 / 3 + 1, -4))
    .map((piece) => piece.slice(0, PIECE * 2));
}

/** Every byte as a character. */
function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}
