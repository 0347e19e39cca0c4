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

const MAJOR = 1;
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

// JSON. JSON.parse takes no NaN and keeps silent about repeated keys, so this does it by hand.

class JSONReader {
    constructor(text, tell) {
        Object.assign(this, { text, tell, place: 0, repeated: false, bare: false });
    }

    read() {
        const value = this.value(0);
        if (this.next() !== undefined) throw new Error(`something after the end, at ${this.place}`);
        if (this.repeated) this.tell("has a key more than once"); // READ-9
        return value;
    }

    next() {
        while (" \t\n\r".includes(this.text[this.place] || "x")) this.place++;
        return this.text[this.place];
    }

    take(pattern) {
        pattern.lastIndex = this.place; // these patterns are sticky: they match here or nowhere
        const found = pattern.exec(this.text);
        if (found) this.place = pattern.lastIndex;
        return found && found[0];
    }

    value(level) {
        if (level > LEVELS) throw new Error(`more than ${LEVELS} levels`);
        const start = this.next();
        if (start === "{") return this.object(level);
        if (start === "[") return this.list(level);
        if (start === '"') return this.string();
        const number = this.take(/-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y);
        if (number) return Number(number);
        const word = this.take(/true|false|null|NaN|-?Infinity/y);
        if (!word) throw new Error(`not JSON, at ${this.place}`);
        if (/N|I/.test(word)) {
            this.bare = true; // READ-10
            return Number(word);
        }
        return JSON.parse(word);
    }

    string() {
        const token = this.take(/"(?:[^"\\\u0000-\u001f]|\\.)*"/y);
        if (token === null) throw new Error(`not JSON, at ${this.place}`);
        return JSON.parse(token);
    }

    expect(character) {
        if (this.next() !== character) throw new Error(`not JSON, at ${this.place}`);
        this.place++;
    }

    object(level) {
        const found = new Map(); // an object would sort keys that look like numbers, and mistake __proto__
        this.expect("{");
        while (this.next() !== "}") {
            if (found.size) this.expect(",");
            if (this.next() !== '"') throw new Error(`not JSON, at ${this.place}`);
            const key = this.string();
            this.expect(":");
            if (found.has(key)) this.repeated = true;
            found.set(key, this.value(level + 1));
        }
        this.place++;
        return found;
    }

    list(level) {
        const found = [];
        this.expect("[");
        while (this.next() !== "]") {
            if (found.length) this.expect(",");
            found.push(this.value(level + 1));
        }
        this.place++;
        return found;
    }
}

function parseObject(data, tell, legacy) {
    try {
        let text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
        if (text.startsWith("\ufeff")) {
            tell("starts with a byte order mark"); // READ-11
            text = text.slice(1);
        }
        const reader = new JSONReader(text, tell);
        const value = reader.read();
        if (reader.bare && !legacy) tell("has bare NaN or Infinity");
        if (value instanceof Map) return value;
        throw new Error("no object at the top");
    } catch (error) {
        tell(error.message); // READ-4, READ-5: nothing of it, and told
        return new Map();
    }
}

// Times: RFC 3339. Version 0 has local times, and seconds since 1970.

function parseTime(value, tell, legacy) {
    if (value === undefined) return null;
    const form = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:)(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?$/;
    const found = typeof value === "string" && form.exec(value);
    if (legacy && typeof value === "number") return new Date(value * 1000).toISOString();
    if (found && (found[4] || legacy)) {
        const leap = found[2] === "60"; // a Date knows no leap seconds
        const text = found[1] + (leap ? "59" : found[2]) + (found[3] || "") + (found[4] || "");
        const moment = new Date(text);
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
    const text = new TextDecoder().decode(data).trim();
    if (legacy && text.startsWith("Traceback ")) return ["ERROR", text];
    const [, word, reason] = /^([^\n]*)\n?([^]*)$/.exec(text);
    if (legacy && word === "SUCESS") return ["SUCCESS", reason.trim()];
    if (!["RUNNING", "SUCCESS", "ERROR"].includes(word) && !legacy) tell("no known word"); // READ-16
    return [word || null, reason.trim()];
}

// Lost, silent, or neither: the procedure of section 16.

function isLost(metadata) {
    const [host, pid, start] = ["hostname", "pid", "process-start"].map((key) => metadata.get(key));
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
        const beat = metadata.get("heartbeat-seconds");
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
    const contents = {};
    for (const name of ["STATUS", "metadata.json", "args.json", "default_args.json", "summary.json"]) {
        try {
            contents[name] = readFile(folder, name); // STATUS first (READ-7)
        } catch (error) {
            if (name !== "summary.json" || error.code !== "ENOENT") tellOf(name)(error.message); // READ-6
        }
    }
    const version = (metadata) => metadata.get("format-version");
    const told = []; // what is wrong in metadata.json counts once its version is known
    const data = contents["metadata.json"];
    let metadata = data ? parseObject(data, (message) => told.push(message), false) : new Map();
    const legacy = metadata.size > 0 && version(metadata) === undefined; // VERSION-3
    if (legacy) metadata = parseObject(data, (told.length = 0) || tellOf("metadata.json"), true);
    told.forEach(tellOf("metadata.json"));
    const form = /^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$/.exec(version(metadata));
    if (version(metadata) !== undefined && !form) tellOf("metadata.json")("format-version is none"); // VERSION-4
    const isNewer = form !== null && Number(form[1]) > MAJOR;
    if (isNewer) {
        tellOf("metadata.json")(`version ${version(metadata)} is newer than ${MAJOR}`); // VERSION-2
        metadata = new Map([["format-version", version(metadata)]]);
    }
    const object = (name) => {
        if (isNewer || !contents[name]) return new Map();
        if (legacy && name === "default_args.json" && String(contents[name]).trim() === "null") return new Map();
        return parseObject(contents[name], tellOf(name), legacy);
    };
    const time = (key) => parseTime(metadata.get(key), tellOf("metadata.json"), legacy);
    const output = (name) => {
        try {
            const end = readFile(folder, name, { last: true, limit: OUTPUT_BYTES });
            return new TextDecoder("utf-8", { ignoreBOM: true }).decode(end).slice(-1000); // READ-17
        } catch (error) {
            tellOf(name)(error.message);
            return "";
        }
    };
    let [status, reason] = [null, ""];
    if (contents.STATUS && !isNewer) [status, reason] = parseStatus(contents.STATUS, tellOf("STATUS"), legacy);
    const [created, started] = [time("timestamp"), time("start-time")];
    return {
        "format-version": legacy ? "0" : form ? version(metadata) : null,
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
    const found = new Map();
    for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
        if (entry.isDirectory() && !entry.name.startsWith(".")) {
            found.set(entry.name, readExperiment(path.join(directory, entry.name)));
        }
    }
    return found;
}

// Maps are objects in JSON, and numbers that are not finite have names.
function toJSON(value) {
    if (value instanceof Map) {
        return `{${[...value].map(([key, item]) => `${JSON.stringify(key)}: ${toJSON(item)}`).join(", ")}}`;
    }
    if (Array.isArray(value)) return `[${value.map(toJSON).join(", ")}]`;
    if (typeof value === "number" && !Number.isFinite(value)) return JSON.stringify(String(value));
    return value !== null && typeof value === "object" ? toJSON(new Map(Object.entries(value))) : JSON.stringify(value);
}

if (process.argv.length !== 3) {
    console.error("usage: node read.js DIRECTORY");
    process.exit(2);
}
console.log(toJSON({ experiments: readExperiments(process.argv[2]) }));
