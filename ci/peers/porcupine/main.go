package main

// Reads a history written by `linear write TASK FILE` (or a folder of etcd logs), checks it with porcupine, prints
// check time without parsing and peak memory. Of the many that `linear random` writes, `random FILE` prints a verdict
// per line.

import (
	"bufio"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"github.com/anishathalye/porcupine"
)

type in struct {
	op            uint8
	key, value, to string
}
type out struct {
	value   string
	done    bool
	unknown bool
}

func model(kv bool) porcupine.Model {
	m := porcupine.Model{
		Init: func() interface{} { return "" },
		Step: func(state, input, output interface{}) (bool, interface{}) {
			i, o, s := input.(in), output.(out), state.(string)
			switch i.op {
			case 0:
				return o.unknown || o.value == s, state
			case 1:
				return true, i.value
			case 2:
				return true, s + i.value
			default:
				ok := o.unknown || (i.value == s) == o.done
				if i.value == s {
					return ok, i.to
				}
				return ok, state
			}
		},
		Hash: func(state interface{}) uint64 {
			h := fnv.New64a()
			h.Write([]byte(state.(string)))
			return h.Sum64()
		},
	}
	if kv {
		m.PartitionEvent = func(history []porcupine.Event) [][]porcupine.Event {
			p := make(map[string][]porcupine.Event)
			match := make(map[int]string)
			for _, v := range history {
				if v.Kind == porcupine.CallEvent {
					key := v.Value.(in).key
					p[key] = append(p[key], v)
					match[v.Id] = key
				} else {
					key := match[v.Id]
					p[key] = append(p[key], v)
				}
			}
			var ret [][]porcupine.Event
			for _, v := range p {
				ret = append(ret, v)
			}
			return ret
		}
	}
	return m
}

// A queue of values, each followed by a comma.
var queueModel = porcupine.Model{
	Init: func() interface{} { return "" },
	Step: func(state, input, output interface{}) (bool, interface{}) {
		i, o, s := input.(in), output.(out), state.(string)
		if i.op == enqueue {
			return true, s + i.value + ","
		}
		if s == "" {
			return o.unknown || !o.done, s
		}
		first, rest, _ := strings.Cut(s, ",")
		return o.unknown || o.done && o.value == first, rest
	},
	Hash: func(state interface{}) uint64 {
		h := fnv.New64a()
		h.Write([]byte(state.(string)))
		return h.Sum64()
	},
}

const enqueue = 4

var ops = map[string]uint8{"get": 0, "put": 1, "append": 2, "cas": 3, "enqueue": enqueue, "dequeue": 5}

func lines(file string) (*bufio.Scanner, *os.File) {
	f, err := os.Open(file)
	if err != nil {
		panic(err)
	}
	s := bufio.NewScanner(f)
	s.Buffer(make([]byte, 1<<20), 1<<26)
	return s, f
}

// Up to the end, or to the line before the next history of a file of many, whose kind it returns.
func load(s *bufio.Scanner) (events []porcupine.Event, next string) {
	open := map[int]bool{}
	for s.Scan() {
		w := strings.Split(s.Text(), "\t")
		if w[0] == "h" {
			next = w[1]
			break
		}
		id, _ := strconv.Atoi(w[1])
		if w[0] == "c" {
			i := in{op: ops[w[2]], key: strings.Clone(w[3]), value: strings.Clone(w[4]), to: strings.Clone(w[5])}
			events = append(events, porcupine.Event{Kind: porcupine.CallEvent, Value: i, Id: id})
			open[id] = true
		} else {
			events = append(events, porcupine.Event{Kind: porcupine.ReturnEvent, Value: out{value: strings.Clone(w[2]), done: w[3] == "true"}, Id: id})
			delete(open, id)
		}
	}
	for id := range open {
		events = append(events, porcupine.Event{Kind: porcupine.ReturnEvent, Value: out{unknown: true}, Id: id})
	}
	return events, next
}

func random(file string) {
	s, f := lines(file)
	defer f.Close()
	_, kind := load(s)
	var slowest time.Duration
	for kind != "" {
		events, next := load(s)
		m := model(kind == "kv")
		if kind == "fifo-queue" {
			m = queueModel
		}
		t := time.Now()
		r := porcupine.CheckEventsTimeout(m, events, 10*time.Second)
		slowest = max(slowest, time.Since(t))
		switch r {
		case porcupine.Ok:
			fmt.Println("valid")
		case porcupine.Illegal:
			fmt.Println("invalid")
		default:
			fmt.Println("unknown")
		}
		kind = next
	}
	fmt.Fprintf(os.Stderr, "porcupine's slowest %.2f ms\n", float64(slowest.Microseconds())/1e3)
}

type etcdInput struct {
	op         uint8
	arg1, arg2 int
}
type etcdOutput struct {
	ok, exists bool
	value      int
	unknown    bool
}

// as porcupine's own test
var etcdModel = porcupine.Model{
	Init: func() interface{} { return -1000000 },
	Step: func(state interface{}, input interface{}, output interface{}) (bool, interface{}) {
		st, inp, out := state.(int), input.(etcdInput), output.(etcdOutput)
		if inp.op == 0 {
			return (!out.exists && st == -1000000) || (out.exists && st == out.value) || out.unknown, state
		} else if inp.op == 1 {
			return true, inp.arg1
		}
		ok := (inp.arg1 == st && out.ok) || (inp.arg1 != st && !out.ok) || out.unknown
		if inp.arg1 == st {
			return ok, inp.arg2
		}
		return ok, st
	},
}

var line = regexp.MustCompile(`^INFO\s+jepsen\.util\s+-\s+(\d+)\s+:(invoke|ok|fail)\s+:(read|write|cas)\s+(.*)$`)

func etcd(file string) []porcupine.Event {
	data, _ := os.ReadFile(file)
	var events []porcupine.Event
	id, open := 0, map[string]int{}
	for _, l := range strings.Split(string(data), "\n") {
		m := line.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		nums := strings.Fields(strings.Trim(m[4], "[]"))
		n := func(k int) int {
			if k < len(nums) {
				v, _ := strconv.Atoi(nums[k])
				return v
			}
			return 0
		}
		if m[2] == "invoke" {
			op := map[string]uint8{"read": 0, "write": 1, "cas": 2}[m[3]]
			events = append(events, porcupine.Event{Kind: porcupine.CallEvent, Value: etcdInput{op, n(0), n(1)}, Id: id})
			open[m[1]] = id
			id++
			continue
		}
		o := etcdOutput{ok: m[2] == "ok", exists: m[4] != "nil", value: n(0)}
		if m[2] == "fail" {
			if m[3] == "read" {
				o = etcdOutput{unknown: true}
			} else if m[3] == "write" || m[4] == ":timed-out" {
				continue
			}
		}
		if m[4] == ":timed-out" && m[2] != "fail" {
			continue
		}
		events = append(events, porcupine.Event{Kind: porcupine.ReturnEvent, Value: o, Id: open[m[1]]})
		delete(open, m[1])
	}
	for _, id := range open {
		events = append(events, porcupine.Event{Kind: porcupine.ReturnEvent, Value: etcdOutput{unknown: true}, Id: id})
	}
	return events
}

func main() {
	task, path := os.Args[1], os.Args[2]
	if task == "random" {
		random(path)
		return
	}
	verdicts := map[bool]int{}
	var took time.Duration
	n := 0
	if task == "etcd" {
		files, _ := filepath.Glob(path + "/*.log")
		var all [][]porcupine.Event
		for _, f := range files {
			all = append(all, etcd(f))
		}
		t := time.Now()
		for _, e := range all {
			verdicts[porcupine.CheckEvents(etcdModel, e)]++
			n += len(e) / 2
		}
		took = time.Since(t)
	} else {
		s, f := lines(path)
		events, _ := load(s)
		f.Close()
		n = len(events) / 2
		t := time.Now()
		r := porcupine.CheckEventsTimeout(model(strings.HasPrefix(task, "kv")), events, 5*time.Minute)
		took = time.Since(t)
		verdicts[r == porcupine.Ok]++
		if r == porcupine.Unknown {
			fmt.Println("unknown")
		}
	}
	var ru syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
	fmt.Printf("porcupine %-10s %8d ops  %10.2f ms  %6d MB  valid %d invalid %d\n", task, n, float64(took.Microseconds())/1e3, ru.Maxrss/1024, verdicts[true], verdicts[false])
}
