// unpack.mjs FROM TO: every x.br of folder FROM becomes TO/x. Python has no brotli of its own, node has.
import { createReadStream, createWriteStream, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";

const [from, to] = process.argv.slice(2);
mkdirSync(to, { recursive: true });
for (const name of readdirSync(from).filter((file) => file.endsWith(".br"))) {
  await pipeline(createReadStream(join(from, name)), createBrotliDecompress(), createWriteStream(join(to, name.slice(0, -3))));
}
