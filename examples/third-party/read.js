#!/usr/bin/env node
// Reads a directory of experiments of format 1.0 (spec/1.0/format.md), and of version 0 (spec/0/legacy.md):
//
//     node read.js experiments
//
// prints them as JSON, as spec/kit/README.md describes it. Node 18 or later, no dependencies.
"use strict";

const fs = require("fs");
const os = require("os");
const path = require("path");

const FORMAT = "Meticulous experiment folder";
const MAJOR = 1;
const REQUIRED = ["STATUS", "metadata.json", "args.json"];
const JSON_BYTES = 16 * 2 ** 20; // READ-14
const LEVELS = 100;
const OUTPUT_BYTES = 4000; // SAFE-4: only the end of stdout and stderr is shown

// Files. A link is not followed, a pipe not waited for (SAFE-1, SAFE-2); larger files give their beginning or end.

function readFile(folder, name, { last = false, limit = JSON_BYTES } = {}) {
    const flags = fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK || 0) | (fs.constants.O_NOFOLLOW || 0);
    const file = path.join(folder, name);
    if (fs.lstatSync(file).isSymbolicLink()) throw new Error("a symbolic link"); // where there is no O_NOFOLLOW
    const descriptor = fs.openSync(file, flags);
    try {
        const status = fs.fstatSync(descriptor);
        if (!status.isFile()) throw new Error("not a regular file");
        if (!last && status.size > limit) throw new Error("too large");
        const start = last ? Math.max(0, status.size - limit) : 0;
        const buffer = Buffer.alloc(Math.min(status.size, limit));
        let length = 0;
        let count = 0;
        do {
            count = fs.readSync(descriptor, buffer, length, buffer.length - length, start + length);
            length += count;
        } while (count > 0);
        return buffer.subarray(0, length);
    } finally {
        fs.closeSync(descriptor);
    }
}

// JSON, by the language's own parser, which silently takes the last of a repeated key (READ-9), and refuses bare
// NaN (READ-10). What it does not do well is looked for in the text, strings aside.

const STRINGS = /"(?:[^"\\]|\\.)*"/g;
const NUMBERS = /"(?:[^"\\]|\\.)*"|NaN|-?Infinity/g; // bare in version 0 alone

function parseObject(data, tell, legacy) {
    try {
        let text = new TextDecoder("utf-8", { fatal: true }).decode(data); // past a byte order mark (READ-11)
        if (legacy) text = text.replace(NUMBERS, (token) => (token[0] === '"' ? token : `"${token}"`));
        const bare = text.replace(STRINGS, '""');
        if (levels(bare) > LEVELS) throw new Error(`more than ${LEVELS} levels`);
        const value = JSON.parse(text);
        const integers = bare.match(/(?<![-+.eE\d])-?\d{16,}(?![.eE\d])/g) || [];
        if (integers.some((token) => BigInt(token) !== BigInt(Number(token)))) tell("loses digits of an integer"); // READ-18
        if (isObject(value)) return value;
        throw new Error("no object at the top");
    } catch (error) {
        tell(error.message); // READ-4, READ-5: nothing of it, and told
        return {};
    }
}

function isObject(value) {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

function levels(bare) {
    let [level, most] = [0, 0];
    for (const character of bare) {
        if (character === "{" || character === "[") most = Math.max(most, ++level);
        if (character === "}" || character === "]") level--;
    }
    return most;
}

// metadata.json: a key of another type is as good as absent (READ-19).

const TYPES = {
    string:
        "uuid githead-sha githead-message description recorder githead-branch git-remote working-directory runtime " +
        "hostname process-start slurm-job-id slurm-array-job-id slurm-array-task-id slurm-cluster-name " +
        "slurm-restart-count pbs-job-id lsf-job-id lsf-job-index",
    boolean: "githead-claimed git-dirty",
    number: "pid heartbeat-seconds",
    array: "command git-repositories earlier-sessions",
};

function checkTypes(metadata, tell) {
    for (const [type, keys] of Object.entries(TYPES)) {
        for (const key of keys.split(" ")) {
            const value = metadata[key];
            if (value === undefined || (Array.isArray(value) ? "array" : typeof value) === type) continue;
            tell(`${key} is no ${type}`);
            delete metadata[key];
        }
    }
}

// Times: RFC 3339. Version 0 has local times, and seconds since 1970.

function parseTime(value, tell, legacy) {
    if (value === undefined) return null;
    const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$/;
    const found = typeof value === "string" && form.exec(value);
    if (legacy && typeof value === "number") return new Date(value * 1000).toISOString();
    if (found && (found[2] || legacy)) {
        const moment = new Date(value);
        // A Date makes the 30th of February the 2nd of March.
        const day = new Date(`${value.slice(0, 10)}T00:00:00Z`);
        if (!isNaN(moment) && !isNaN(day) && day.getUTCDate() === Number(value.slice(8, 10))) {
            return moment.toISOString();
        }
    }
    tell(`${JSON.stringify(value)} is no time`);
    return null;
}

// STATUS: its first line, and what follows.

function parseStatus(data, tell, legacy) {
    const text = new TextDecoder().decode(data);
    if (!text.trim()) tell("is empty");
    if (legacy && text.startsWith("Traceback ")) return ["ERROR", text.trim()];
    const [, word, reason] = /^([^\n]*?)\r?(?:\n([^]*))?$/.exec(text).map((part) => part || "");
    if (legacy && word === "SUCESS") return ["SUCCESS", reason.trim()];
    if (!["RUNNING", "SUCCESS", "ERROR"].includes(word) && !legacy) tell("no known word"); // READ-16
    return [word || null, reason.trim()];
}

// Lost, silent, or neither: the procedure of section 16.

function isLost(metadata) {
    const { hostname: host, pid, "process-start": start } = metadata;
    if (typeof host !== "string" || host.toLowerCase() !== os.hostname().toLowerCase()) return "unknown";
    if (!Number.isInteger(pid) || pid < 1) return "unknown";
    const gone = () => {
        try {
            process.kill(pid, 0);
        } catch (error) {
            return error.code === "ESRCH";
        }
        return false;
    };
    if (start === undefined) return process.platform !== "linux" && gone() ? "yes" : "unknown";
    const form = /^linux:([^:]*):([^:]*):([^:]*)$/.exec(start);
    if (!form || process.platform !== "linux") return "unknown";
    try {
        const boot = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
        if (boot !== form[1] || fs.readlinkSync("/proc/self/ns/pid") !== `pid:[${form[2]}]`) return "unknown";
        if (gone()) return "yes";
        const fields = fs.readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^[^]*\) /, "").split(" ");
        return fields[19] !== form[3] || "ZX".includes(fields[0]) ? "yes" : "no";
    } catch {
        return "unknown";
    }
}

function lifeOf(folder, metadata) {
    const lost = isLost(metadata);
    try {
        // The program may just have ended: only a STATUS that still says so counts.
        if (!String(readFile(folder, "STATUS")).startsWith("RUNNING")) return null;
        if (lost === "yes") return "lost";
        const beat = metadata["heartbeat-seconds"];
        const silence = (Date.now() - fs.lstatSync(path.join(folder, "STATUS")).mtimeMs) / 1000;
        return lost === "unknown" && beat > 0 && silence > 5 * beat ? "silent" : null; // STATE-3
    } catch {
        return null;
    }
}

// One experiment, whatever is in its folder.

function readExperiment(folder) {
    const problems = {};
    const tellOf = (name) => (message) => (problems[name] ||= message);
    const tell = tellOf("metadata.json");
    const contents = {};
    const missing = [];
    for (const name of ["STATUS", "metadata.json", "args.json", "default_args.json", "summary.json"]) {
        try {
            contents[name] = readFile(folder, name); // STATUS first (READ-7)
        } catch (error) {
            if (error.code === "ENOENT") missing.push(name);
            else tellOf(name)(error.message);
        }
    }
    const data = contents["metadata.json"];
    const told = []; // what is wrong in metadata.json counts once its version is known
    let metadata = data ? parseObject(data, (message) => told.push(message), false) : {};
    if (!Object.keys(metadata).length && data) metadata = parseObject(data, () => {}, true);
    const version = metadata["format-version"];
    const legacy = version === undefined && Object.keys(metadata).length > 0; // VERSION-3
    if (!legacy && told.length) metadata = parseObject(data, tell, false);
    const form = /^([1-9][0-9]*)\.(0|[1-9][0-9]*)$/.exec(version);
    const isOther = metadata.format !== undefined && metadata.format !== FORMAT; // VERSION-7
    const isNewer = form !== null && Number(form[1]) > MAJOR; // VERSION-2
    const isKnown = !isOther && !isNewer;
    if (isOther) tell(`of another format, ${JSON.stringify(metadata.format)}`);
    if (isNewer) tell(`version ${version} is newer than ${MAJOR}`);
    if (!isKnown) metadata = { "format-version": version };
    if (version !== undefined && !form) tell("format-version is none"); // VERSION-4
    if (isKnown && !legacy) checkTypes(metadata, tell);
    // What has to be there (READ-5, READ-6); of another version, nothing is known.
    const required = legacy ? ["STATUS", "metadata.json", "args.json", "default_args.json"] : REQUIRED;
    if (isKnown) missing.filter((name) => required.includes(name)).forEach((name) => tellOf(name)("missing"));
    const object = (name) => {
        if (!isKnown || !contents[name]) return {};
        if (legacy && name === "default_args.json" && String(contents[name]).trim() === "null") return {};
        return parseObject(contents[name], tellOf(name), legacy);
    };
    const time = (key) => parseTime(metadata[key], tell, legacy);
    const output = (name) => {
        if (!isKnown) return "";
        try {
            const end = readFile(folder, name, { last: true, limit: OUTPUT_BYTES });
            return new TextDecoder("utf-8", { ignoreBOM: true }).decode(end).slice(-1000); // READ-17
        } catch (error) {
            if (error.code !== "ENOENT" || legacy) tellOf(name)(error.message);
            return "";
        }
    };
    let [status, reason] = [null, ""];
    if (contents.STATUS && isKnown) [status, reason] = parseStatus(contents.STATUS, tellOf("STATUS"), legacy);
    const [created, started] = [time("timestamp"), time("start-time")];
    return {
        "format-version": legacy ? "0" : form ? version : null,
        status,
        reason,
        timestamp: created || started,
        "start-time": started || created,
        "end-time": time("end-time"),
        metadata,
        args: object("args.json"),
        default_args: object("default_args.json"),
        summary: object("summary.json"),
        stdout: output("stdout"),
        stderr: output("stderr"),
        life: status === "RUNNING" ? lifeOf(folder, metadata) : null, // STATE-1
        problems: Object.keys(problems),
    };
}

// All folders but those whose names start with a dot (READ-1); links are left out, as SAFE-3 allows.

function readExperiments(directory) {
    const found = Object.create(null); // a folder may be called __proto__
    for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
        if (entry.isDirectory() && !entry.name.startsWith(".")) {
            found[entry.name] = readExperiment(path.join(directory, entry.name));
        }
    }
    return found;
}

if (process.argv.length !== 3) {
    console.error("usage: node read.js DIRECTORY");
    process.exit(2);
}
console.log(JSON.stringify({ experiments: readExperiments(process.argv[2]) }));
