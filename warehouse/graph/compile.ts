/** Compiles a Dataform project in this process: the graph that `dataform compile --json` prints, without starting a program. */

import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import vm from "node:vm";
import { Misconfigured, messageOf } from "../../core/errors.ts";
import type { CompiledGraph } from "./graph.ts";

/** What core reads of a project: definitions of all kinds, and JavaScript directly under includes/. */
const compiledFolders = ["definitions", "includes"] as const;

export interface CompileOptions {
  /** Stands in the place of `defaultDatabase` of dataform.json. */
  readonly defaultDatabase?: string;
}

/**
 * Compiles the project in `projectDirectory` with the @dataform/core that it has installed. Throws `Misconfigured` with every
 * compile error, each with its file. The project's own code runs in this process: only for projects that are trusted.
 */
export async function compileProject(
  projectDirectory: string,
  options: CompileOptions = {},
): Promise<CompiledGraph> {
  const root = path.resolve(projectDirectory);
  const settingsPath = path.join(root, "dataform.json");
  if (!existsSync(settingsPath)) {
    throw new Misconfigured([`${root} holds no dataform.json: expected the folder of a Dataform project`]);
  }
  const files = await projectFiles(root);
  const settings = { ...JSON.parse(readFileSync(settingsPath, "utf8")), ...options };
  const graph = runCore(root, settings, files);
  const errors = graph.graphErrors?.compilationErrors ?? [];
  if (errors.length > 0) {
    throw new Misconfigured(
      errors.map(({ fileName, actionName, message }) =>
        [fileName, actionName, message].filter(Boolean).join(": "),
      ),
    );
  }
  return graph;
}

async function projectFiles(root: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const folder of compiledFolders) {
    const directory = path.join(root, folder);
    if (!existsSync(directory)) continue;
    for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) found.push(path.relative(root, path.join(entry.parentPath, entry.name)));
    }
  }
  return found.map((file) => file.split(path.sep).join("/")).sort();
}

interface Core {
  readonly compiler: (code: string, path: string) => string;
  readonly main: (request: string) => string;
  readonly session: { compile(): { toJSON(): unknown } };
}

function runCore(root: string, settings: unknown, files: readonly string[]): CompiledGraph {
  const modules = new ProjectModules(root);
  const core = modules.require("@dataform/core", root) as Core;
  modules.compile = core.compiler;
  modules.context.dataformJson = settings;
  try {
    core.main(encodeRequest(root, files));
  } catch (error) {
    throw new Misconfigured([`the project in ${root} does not compile: ${messageOf(error)}`]);
  }
  // Through text: the graph's objects belong to the other context.
  return JSON.parse(JSON.stringify(core.session.compile().toJSON()));
}

/**
 * The modules of one compilation, in a context of their own: each compilation starts from nothing, and the project sees no
 * more of Node.js than `path`, as under Dataform's own command line.
 */
class ProjectModules {
  readonly context: Record<string, unknown>;
  compile: (code: string, path: string) => string = (code) => code;
  readonly #root: string;
  readonly #fileStack: string[] = [];
  readonly #loaded = new Map<string, { exports: unknown }>();

  constructor(root: string) {
    this.#root = root;
    this.context = vm.createContext({});
    this.context.global = this.context;
    Object.defineProperty(this.context, "__dataform_current_file", {
      get: () => this.#fileStack.at(-1) ?? null,
    });
  }

  require(name: string, from: string): unknown {
    if (name === "path") return path;
    const file = this.#resolve(name, from);
    const known = this.#loaded.get(file);
    if (known !== undefined) return known.exports;
    const module = { exports: {} as unknown };
    this.#loaded.set(file, module);
    this.#evaluate(file, module);
    return module.exports;
  }

  #evaluate(file: string, module: { exports: unknown }): void {
    const code = readFileSync(file, "utf8");
    if (file.endsWith(".json")) {
      module.exports = JSON.parse(code);
      return;
    }
    const compiled = file.includes(`${path.sep}node_modules${path.sep}`) ? code : this.compile(code, file);
    const wrapped = `(function (exports, require, module, __filename, __dirname) {${compiled}\n})`;
    const run = new vm.Script(wrapped, { filename: file }).runInContext(this.context);
    this.#fileStack.push(file);
    try {
      run.call(
        module.exports,
        module.exports,
        (name: string) => this.require(name, file),
        module,
        file,
        path.dirname(file),
      );
    } finally {
      this.#fileStack.pop();
    }
  }

  /** Names are relative to the project's root, as Dataform resolves them; a relative one may also be to its file. */
  #resolve(name: string, from: string): string {
    const places = [path.join(this.#root, name)];
    if (name.startsWith(".")) places.unshift(path.join(path.dirname(from), name));
    for (const place of places) {
      for (const file of [place, `${place}.js`, `${place}.json`, path.join(place, "index.js")]) {
        if (existsSync(file) && path.extname(file) !== "") return file;
      }
    }
    return createRequire(path.join(this.#root, "package.json")).resolve(name);
  }
}

/** CoreExecutionRequest (core.proto): field 1 compile, in it field 1 compile_config, in it 1 project_dir and 8 file_paths. */
function encodeRequest(root: string, files: readonly string[]): string {
  const config = Buffer.concat([
    protoField(1, Buffer.from(root)),
    ...files.map((file) => protoField(8, Buffer.from(file))),
  ]);
  return protoField(1, protoField(1, config)).toString("base64");
}

function protoField(number: number, bytes: Buffer): Buffer {
  const head = [(number << 3) | 2];
  for (let rest = bytes.length; ; rest >>>= 7) {
    head.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from(head), bytes]);
}
