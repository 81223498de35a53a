// Writes more than its file size limit (ulimit -f) allows; the system takes a part first, and refuses the rest.
import { run } from "lunet";
import { type FileError, open } from "lunet/fs";

await run(async () => {
  const [path = "", position] = process.argv.slice(2);
  await using file = await open(path, "w");
  const written = file.write("x".repeat(100_000), position === undefined ? undefined : Number(position));
  console.log(await written.catch((error: FileError) => error.code), (await file.stat()).sizeBytes);
});
