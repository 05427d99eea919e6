// Package exec is the target for any system that can be started from a command
// line, described by one YAML file:
//
//	usurper run --target exec --config system.yaml
//
// This page is the reference of the format. A complete file, for a key-value
// store with an HTTP interface:
//
//	name: my-store                  # in reports: small letters, digits, . _ -
//	nodes: 3                        # members unless told otherwise, 1 to 9
//	addresses: per-pair             # or one; see Addresses
//	timers: {election: 300ms, heartbeat: 50ms}
//	tap: hashicorp-raft             # what members speak; see Addresses
//
//	command:                        # the program and its arguments
//	  - my-store
//	  - --id={{.Name}}
//	  - --config={{.DataDir}}/store.toml
//	  - '{{if eq .Inc 1}}--bootstrap{{end}}'
//	env: {GOMAXPROCS: "2"}
//	files:                          # written into the data directory before every start
//	  store.toml: |
//	    peer   = "{{.PeerAddr}}"
//	    client = "{{.ClientAddr}}"
//	    {{range $name, $addr := .Peers -}}
//	    [peer.{{$name}}]
//	    address = "{{$addr}}"
//	    {{end -}}
//
//	ready:
//	  http: {path: /health, status: 200}
//
//	role:
//	  http: {path: /status}
//	  role: {json: raft.state}
//	  term: {json: raft.term}
//	  leader: {json: raft.leader, called: "{{.Index}}"}
//	  roles: {primary: leader, secondary: follower}
//
//	client:
//	  hint: {json: leader, called: "{{.Index}}"}
//	  http:
//	    path: /kv/{{.Key}}
//	    fail: {status: [421, 429]}
//	    ops:
//	      get:
//	        method: GET
//	        ok: {status: 200}
//	        value: {json: value}
//	        absent: {status: 404}
//	      put:
//	        method: PUT
//	        body: '{"value": {{json .Value}}}'
//	        ok: {status: [200, 201]}
//	      cas:
//	        method: PUT
//	        body: '{"value": {{json .Value}}, "if": {{if .Old}}{{json .Old}}{{else}}null{{end}}}'
//	        ok: {status: 200}
//	        mismatch: {status: 412}
//	        value: {json: current}
//
// Everything is checked when the file is read, and nothing is started if
// something is wrong: fields that do not exist, templates that do not parse or
// that fail for some member, a program that is not there. Errors name file and
// line.
//
// # Templates
//
// Command, env, files, addresses, paths, headers, bodies and RESP words are
// templates of [text/template]. All over a member see
//
//	.Name .Index              n1 and 1, n2 and 2, …
//	.PeerAddr .PeerHost .PeerPort          where to listen for other members
//	.ClientAddr .ClientHost .ClientPort    where to listen for clients
//	.DataDir                  absolute, survives restarts; the process runs in it
//	.Members                  all names, in order
//	.Peers                    name → address of every other member, as this one dials it
//	.Advertised               name → address of every member, the same for all
//	.Ports                    name → address of every port under "ports"
//	.PeersAt                  name → what .Peers is, of every port under "peer-ports"
//	.Inc                      which process of the member this is, from 1
//
// and those of client operations
//
//	.F .Key                   get, put, …; the key, such as r0-17
//	.Value                    what put, add and append write; the new value of cas
//	.Old                      what cas expects; "" stands for no value
//	.Request                  the write's identity, c3-13/7
//	.Member                   the member that is asked, as above
//
// Besides the functions of text/template there are
//
//	join "," LIST             the elements with commas between
//	pairs "=" MAP             a list of name=value, in order of the names
//	host ADDR, port ADDR      the parts of host:port
//	json VALUE                quoted for JSON
//	base64 TEXT
//	abs FILE                  the path of a file, seen from where the harness runs
//	harness                   the path of the program that runs the harness
//
// An argument of the command that is a template and renders to nothing is left
// out. The program is looked up in $PATH unless it has a slash.
//
// # Addresses
//
// All traffic between members must go through the proxy layer: a member listens
// at .PeerAddr, which is private, and dials others at the addresses it is given.
// With "per-pair" it finds them in .Peers and no other member uses the same; who
// dialled is then known by the address. With "one", for systems whose members
// must agree on one address for each of them, it is in .Advertised, another host with the
// port at which that member listens itself, and who
// dialled is told by what it says first, if "tap" names a protocol that has a word for
// that, or found from the owner of the socket (Linux only). A system that has
// one port for members and clients listens at .PeerAddr, and clients are told so
// by client.address.
//
// Members that listen on more ports name them: ports: [gossip, metrics]. What they say
// to each other there does not pass the proxy layer, unless peer-ports: [gossip] says that
// they dial each other there: then .PeersAt.gossip is what .Peers is for .PeerAddr, with the
// same hosts. It needs addresses per-pair.
//
// "tap" names the protocol that members speak to each other at .PeerAddr: one of
// harness/dialect's, such as hashicorp-raft, nats-raft or zookeeper. Their elections are
// then judged by what they say, and it is from there that it is known who leads. Without
// it, or if what passes cannot be decoded, as over TLS, elections are not checked.
//
// "data-files" says which files members keep, by classes that faults of files may name: each
// is a pattern, as of path.Match, or a list of them, of paths below the data directory or of
// names alone. Without it such faults name patterns themselves.
//
//	data-files: {wal: ['*.wal'], snapshot: ['snap/*', '*.snap'], db: db}
//
// # Ready and role
//
// "ready" is one probe or a list, all of which must hold; without it, the
// client's address must accept connections.
//
//	tcp: ADDRESS
//	http: {address, method, path, headers, body, and a condition; status is 200 unless given}
//	resp: {address, command, and a condition}
//	log: PATTERN              a line that the process printed
//
// "within" beside a probe, or as an element of the list, is how long the members may
// take until all of that holds: {tcp: ADDRESS, within: 60s}. Without it they have 40
// election timeouts, at least 10 s. --settle has the last word.
//
// "role" says who leads, so that faults can be aimed at the leader. It is "none", or
// http or resp as above with extractions for role, term and leader, or a log pattern
// with the named groups role, term and leader, of which the last line that told the
// role counts, with the term in the same line: one in another line is none (and
// "called" stands in leader: {text: true, called: …}).
//
// "atomic: true" there declares that role and term come from one instant of the
// member's Raft state, in one answer or one line of the log. Two members that say so
// that they lead one term are then a violation; without it, what members say of their
// role is no evidence against the system. Leave it out when in doubt: a system that
// reads its role, then its term, or tells the term of the last entry that it has
// applied, as etcd does, would be accused of what is legal. "roles" maps
// the system's words to leader, follower and candidate, which need no mapping
// themselves. A leader is named as the harness does, or by its address as the
// member that is asked dials it; otherwise "called" is a template, over .Name,
// .Index, .Addr, .Host and .Port, of what a member is called. With a role, a
// cluster of several is ready when a majority names one leader; without one, when
// a majority is ready, random plans strike members whoever leads, and a plan that
// names the leader is refused.
//
// # Set up once
//
// "prepare" is what to do when all members are ready for the first time, before clients
// come and never again: one of these or a list, which is done in order.
//
//	http: {address, method, path, headers, body, and a condition; status is 200, 201, 202 or 204 unless given}
//	resp: {address, command, and a condition}
//	command: [PROGRAM, ARGUMENT, …]    on this machine, in the directory of the harness
//
// A request is made of one member after the other, until the condition holds for an
// answer; a command is run once, and must end with status 0. Templates see the member
// that is asked, or the first, and .Clients, a map of names to where clients find each.
// All together has 30 s, or as long as members may take to be ready if that is more.
//
// # Crashes
//
// A process that ends by itself has crashed, and so has one that prints a line that
// matches a pattern: of target.CrashLines, which knows how the runtimes of Go, Rust,
// Java and C++ begin such a line, or of "crash".
//
//	crash: [PATTERN, …]       beside those of runtimes
//	crash: {only: [PATTERN, …]}   in their place; an empty list for none
//	assertions: true          the program has assertions of an SDK of Antithesis, which
//	                          write to the file that ANTITHESIS_SDK_LOCAL_OUTPUT names
//
// A pattern that holds for an empty line is refused, as is, once it is started, one that
// holds for the first line that a member prints.
//
// # Clients
//
// Each client holds one connection to one member and sends each request exactly
// once. An operation that the system lacks is left out, and workloads do without
// it or are refused: register needs get and put; set needs add and read; append
// needs append and read; mixed needs the first two. Fields beside "ops" are
// defaults for all operations. Of an operation:
//
//	http: method path headers body
//	resp: command             the words of a command
//	ok                        conditions for: it happened
//	fail                      it certainly did not, now or later
//	mismatch                  of cas: it failed because the value is another
//	absent                    the key has no value: get, read, failed cas
//	value                     where get, read and failed cas have it
//
// All else is open: a broken connection, a timeout, garbage, and any answer for
// which neither ok nor fail holds, or both do. It is for the system's
// documentation to say what fail may hold for; when in doubt, leave it out. A
// request of which no byte was sent is a failure too. A get or read is ok only
// with a value or if absent holds. A cas that expects "", no value, succeeds on a
// key that was never written or was deleted. With resp, any reply that is not an
// error is ok unless said otherwise, except for cas; a null is absent.
//
// Beside the protocol, client has
//
//	address                   a template; {{.ClientAddr}} if left out
//	reads: final              it is read only once everything is healed
//	idempotent: true          the system applies each .Request once, for a minute at least: some are sent again within 30 s, and faults may hold one longer
//	reason                    an extraction for the error text in the history
//	hint                      an extraction for the leader that an answer names
//
// # Conditions and extractions
//
// A condition holds if everything in it does; of a list, one must.
//
//	status: 200               HTTP's, or a list of them
//	json: {PATH: VALUE, …}    a value, null for missing, or a list of either
//	match: PATTERN            anywhere in the body
//	error: PATTERN            the text of a RESP error; nothing else holds for one
//
// An extraction is one of
//
//	json: PATH
//	match: PATTERN            its groups, with colons between
//	text: true                the whole body
//
// with base64: true if what it finds is encoded, and for a list in a text split:
// SEPARATOR. Paths are those of github.com/tidwall/gjson, patterns those of
// [regexp/syntax]. A RESP reply is treated as JSON: a string, a number, null or an
// array; "@this" is the reply itself.
//
// # Files
//
// exec.go is the target, prepare.go how it is set up. document.go, config.go, clientconfig.go and template.go
// read a file of this format; client.go carries out what it says of clients
// (request.go, conn.go, answer.go, outcome.go), status.go what it says of being
// ready.
package exec
