#!/bin/sh
# Makes this machine a server of the Mainstay panel at %URL%.
#
#   curl -fsSL %URL%/install.sh | sudo sh -s -- --token TOKEN [--release-sha256 HEX] [--ca-sha256 HEX]
#        [--security-mode none|daemon-port|tunnel] [--ssh-from CIDR] [--yes-cut-ssh] [--no-names] [--with-haproxy] [--url URL] [--yes]
#
# It fetches the agent from the panel, compares it with the manifest and the manifest with --release-sha256, and hands over to
# `mainstay-agent install`, which tells what it does. Everything stands in a function that is called on the last line, so that a script
# that was cut on its way does nothing.
set -eu

die() {
  printf 'mainstay: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '  %s\n' "$2" >&2
  exit 1
}

value() {
  [ $# -ge 2 ] && [ -n "$2" ] || die "$1 needs a value." 'Copy the whole line from the dashboard: Servers, Add a server.'
}

fetch() {
  if [ -n "$ca" ]; then set -- "$1" "$2" --cacert "$ca"; fi
  from=$1
  to=$2
  shift 2
  curl -fsS --compressed --proto '=http,https' --connect-timeout 10 --retry 2 "$@" -o "$to" "$url$from" </dev/null ||
    die "$url$from could not be fetched." 'The message above is that of curl. Does this machine reach the panel, and was the agent built there?'
}

sum() {
  sha256sum "$1" | cut -d ' ' -f 1
}

main() {
  umask 077
  url='%URL%'
  token='' ca='' ca_sha256='' release_sha256='' rest=''
  # What is passed on is checked to be plain words, so that it can be kept in one variable.
  while [ $# -gt 0 ]; do
    case $1 in
      --token) value "$@"; token=$2; shift 2 ;;
      --url) value "$@"; url=${2%/}; shift 2 ;;
      --ca-sha256) value "$@"; ca_sha256=$2; shift 2 ;;
      --release-sha256) value "$@"; release_sha256=$2; shift 2 ;;
      --security-mode | --ssh-from)
        value "$@"
        case $2 in *[!A-Za-z0-9.:/-]*) die "$1 \"$2\" is not of the documented form." ;; esac
        rest="$rest $1 $2"; shift 2 ;;
      --no-names | --with-haproxy | --yes-cut-ssh) rest="$rest $1"; shift ;;
      --yes) shift ;;
      *) die "There is no option $1." 'Copy the whole line from the dashboard: Servers, Add a server.' ;;
    esac
  done

  [ "$(id -u)" = 0 ] || die 'This needs root.' 'Put sudo before sh: curl … | sudo sh -s -- …'
  [ "$(uname -s)" = Linux ] || die "This machine runs $(uname -s); servers run Linux."
  [ -d /run/systemd/system ] || die 'This machine is not run by systemd.' 'Use a server with Debian or Ubuntu.'
  case $(uname -m) in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) die "There is no agent for $(uname -m); there is one for x86_64 and for aarch64." ;;
  esac
  for program in curl sha256sum sed mktemp; do
    command -v "$program" >/dev/null 2>&1 || die "$program is missing." "Install it: apt-get install $program"
  done
  case $url in
    https://*) ;;
    http://*)
      [ -z "$ca_sha256" ] || die "The line holds --ca-sha256, and $url is not https." \
        'Give the address of the panel by https, or leave --ca-sha256 out.'
      [ -n "$release_sha256" ] || die "$url is not encrypted, and the line holds no --release-sha256." \
        'Without either, anybody on the way could hand you another program. Copy the whole line from the dashboard.' ;;
    *) die "--url \"$url\" is not an address." 'Such as --url https://panel.example' ;;
  esac

  folder=$(mktemp -d /var/tmp/mainstay-install.XXXXXX)
  trap 'rm -rf "$folder"' EXIT
  trap 'exit 130' INT TERM HUP

  if [ -n "$ca_sha256" ]; then
    # Not verified on the way, but compared with what the line says before it is believed.
    curl -fsSk --proto '=https' --connect-timeout 10 -o "$folder/ca.pem" "$url/agent/ca.pem" </dev/null ||
      die "$url/agent/ca.pem could not be fetched." 'The message above is that of curl.'
    [ "$(sum "$folder/ca.pem")" = "$ca_sha256" ] || die 'The authority of the panel is another than the line says (--ca-sha256).' \
      'Somebody may stand between this machine and the panel. Nothing was installed.'
    ca=$folder/ca.pem
  fi

  fetch /agent/releases/release.json "$folder/release.json"
  fetch /agent/releases/release.json.sig "$folder/release.json.sig"
  [ -z "$release_sha256" ] || [ "$(sum "$folder/release.json")" = "$release_sha256" ] ||
    die 'The release at the panel is another than the line says (--release-sha256).' \
      'Was Mainstay updated since the line was made? Then make a new one. Nothing was installed.'
  name=$(sed -n "s/.*\"name\": \"\(mainstay-agent-[A-Za-z0-9.+-]*-linux-$arch\)\".*/\1/p" "$folder/release.json")
  [ -n "$name" ] || die "The panel has no agent for linux $arch." "Build it there: npm run build:agent -- --arch $arch"
  wanted=$(sed -n "/\"$name\"/,/sha256/s/.*\"sha256\": \"\([0-9a-f]*\)\".*/\1/p" "$folder/release.json")

  agent=/usr/local/bin/mainstay-agent
  if [ ! -x "$agent" ] || [ "$(sum "$agent")" != "$wanted" ]; then
    agent=$folder/mainstay-agent
    printf 'Fetching %s …\n' "$name"
    fetch "/agent/releases/$name" "$agent"
    [ "$(sum "$agent")" = "$wanted" ] || die "$name is not what its manifest says." \
      'It was changed or cut on its way. Nothing was installed; run the line again.'
    chmod 0700 "$agent"
  fi

  if [ -n "$token" ]; then
    printf '%s\n' "$token" >"$folder/token"
    rest="$rest --token-file $folder/token"
    token=''
  fi
  [ -z "$ca" ] || rest="$rest --ca-file $ca"
  # shellcheck disable=SC2086 # Plain words, as checked above.
  "$agent" install --url "$url" --release "$folder/release.json" --signature "$folder/release.json.sig" $rest </dev/null
}

main "$@"
