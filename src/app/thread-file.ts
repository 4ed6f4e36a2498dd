// Where the file of a thread is: beside the one that names it, in a clone as TypeScript and in the package as JavaScript.
import { fileURLToPath } from "node:url";
import { extname } from "node:path";

const HERE = import.meta.url;

/** @param name of a file in this folder, without its ending; `tools/build.ts` knows it, too. */
export function threadFile(name: "config-thread" | "worker-thread"): string {
  const own = fileURLToPath(HERE);
  const ending = extname(own);
  // The package has its code in chunks; files of threads are entries, which lie in the folder they come from.
  return fileURLToPath(new URL(ending === ".ts" ? `./${name}.ts` : `../app/${name}.js`, HERE));
}
