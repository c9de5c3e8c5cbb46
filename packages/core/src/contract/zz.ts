import { compareSchemas } from "./compare-schemas.ts";
import { changed, chooser, makeDocumentSchema } from "./schema-pairs.fixture.ts";
const choose = chooser([3023,3173,6478,0,0,0,0,0,990,7014,105,0,0,0,0,0,0,0,0,6588]);
const writer = makeDocumentSchema(choose);
let reader = choose(12) === 11 ? makeDocumentSchema(choose) : writer;
for (let changes = 1 + choose(2); changes > 0; changes--) reader = changed(reader, choose);
console.log(JSON.stringify(writer)); console.log(JSON.stringify(reader));
for (const [a,b] of [[writer,reader],[reader,writer]]) { const t=performance.now(); try { console.log(JSON.stringify(compareSchemas(a,b))); } catch (e) { console.log(e); } console.log(performance.now()-t); }
