// Asks the service users, with fetch. Arguments are further header fields.
const fields = process.argv.slice(2).map((field) => field.split(": "));
const answer = await fetch("http://users/", { headers: fields });
if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
process.stdout.write(await answer.text());
