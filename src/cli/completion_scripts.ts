/**
 * Completion scripts. Each calls `completion words`, so that it does not become outdated with an update.
 *
 * @module
 */

/** For bash 3.2 and newer, without bash-completion. bash splits words at `:` and `=`, which addresses and flags contain. */
const BASH = [
  "# bash completion of whereabouts; in ~/.bashrc: source <(whereabouts completion bash)",
  "_whereabouts() {",
  '  local line full current prefix output typed="${COMP_LINE:0:COMP_POINT}"',
  "  local -a words",
  '  read -ra words <<< "$typed"',
  '  [[ "$typed" == *[[:space:]] ]] && words+=("")',
  '  full="${words[${#words[@]}-1]}"',
  '  current="${COMP_WORDS[COMP_CWORD]}"',
  '  [[ "$current" =~ ^[:=]+$ ]] && current=""',
  '  prefix="${full%"$current"}"',
  "  COMPREPLY=()",
  '  output=$("${words[0]}" completion words -- "${words[@]:1}" 2> /dev/null) || return',
  "  while IFS= read -r line; do",
  '    case "$line" in',
  "      :0) type compopt > /dev/null 2>&1 && compopt -o default ;;",
  "      :*) ;;",
  '      *) line="${line%%$\'\\t\'*}"; COMPREPLY+=("${line#"$prefix"}") ;;',
  "    esac",
  '  done <<< "$output"',
  "}",
  "complete -F _whereabouts whereabouts",
].join("\n");

const ZSH = [
  "#compdef whereabouts",
  "# zsh completion of whereabouts; in ~/.zshrc after compinit: source <(whereabouts completion zsh)",
  "_whereabouts() {",
  "  local line files",
  "  local -a described",
  '  "${words[1]}" completion words -- "${(@)words[2,CURRENT]}" 2> /dev/null | while IFS= read -r line; do',
  '    case "$line" in',
  "      :0) files=1 ;;",
  "      :*) ;;",
  "      *$'\\t'*) described+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\") ;;",
  '      *) described+=("${line//:/\\\\:}") ;;',
  "    esac",
  "  done",
  '  [[ -n "$files" ]] && _files',
  "  (( $#described )) && _describe -t words whereabouts described",
  "}",
  "compdef _whereabouts whereabouts",
].join("\n");

const FISH = [
  "# fish completion of whereabouts: whereabouts completion fish > ~/.config/fish/completions/whereabouts.fish",
  "function __whereabouts_words",
  "    set -l words (commandline -opc)",
  "    set -l current (commandline -ct)",
  "    set -l lines ($words[1] completion words -- $words[2..-1] $current 2> /dev/null)",
  "    string match -v -- ':*' $lines",
  "    contains -- :0 $lines; and __fish_complete_path $current",
  "end",
  "complete -c whereabouts -f -a '(__whereabouts_words)'",
].join("\n");

/** A plugin of kubectl is completed by a program of this name (kubernetes.io, "Extend kubectl with plugins"). */
const KUBECTL = [
  "#!/bin/sh",
  "# kubectl completes `kubectl whereabouts` with this program: as kubectl_complete-whereabouts in the PATH, executable",
  'exec kubectl whereabouts completion words -- "$@"',
].join("\n");

/** The scripts, by the name of the shell. */
export const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH, kubectl: KUBECTL };
