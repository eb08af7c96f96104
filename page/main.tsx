/**
 * Entry of the page of `whereabouts ui`, for browsers.
 *
 * @module
 */
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { render } from "preact";
import { App } from "./app.tsx";
import { chooseSource } from "./source.ts";

const root = document.getElementById("app");
if (root) render(<App source={chooseSource()} />, root);
