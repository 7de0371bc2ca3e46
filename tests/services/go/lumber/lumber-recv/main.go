// lumber-recv is a lumberjack v2 server made of the library that Filebeat's and Logstash's tests use. It writes every event it was sent
// as one line of JSON to standard output, then acknowledges its window, and stops when it has written -n events or -timeout has
// passed (status 1). With -refuse N it closes the connection of the first N windows without an acknowledgement, and without
// writing their events: what a receiver does that dies before it has stored them.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"log"
	"net"
	"os"
	"sync"
	"time"

	"github.com/elastic/go-lumber/server/v2"
)

// refusing hands out connections that can be closed from outside.
type refusing struct {
	net.Listener
	mutex sync.Mutex
	open  []net.Conn
}

func (r *refusing) Accept() (net.Conn, error) {
	conn, err := r.Listener.Accept()
	if err == nil {
		r.mutex.Lock()
		r.open = append(r.open, conn)
		r.mutex.Unlock()
	}
	return conn, err
}

func (r *refusing) closeAll() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, conn := range r.open {
		conn.Close()
	}
	r.open = nil
}

func main() {
	address := flag.String("address", "127.0.0.1:5044", "address to listen on")
	n := flag.Int("n", 1, "events to wait for")
	timeout := flag.Duration("timeout", time.Minute, "longest time to wait for them")
	refuse := flag.Int("refuse", 0, "windows to refuse first")
	flag.Parse()

	inner, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	listener := &refusing{Listener: inner}
	server, err := v2.NewWithListener(listener)
	if err != nil {
		log.Fatal(err)
	}
	log.Print("listening")
	out, got, deadline := bufio.NewWriter(os.Stdout), 0, time.After(*timeout)
	for got < *n {
		select {
		case batch := <-server.ReceiveChan():
			if batch == nil {
				log.Fatal("the server ended")
			}
			if *refuse > 0 {
				*refuse--
				log.Printf("refused %d events", len(batch.Events))
				listener.closeAll()
				continue
			}
			for _, event := range batch.Events {
				line, err := json.Marshal(event)
				if err != nil {
					log.Fatal(err)
				}
				out.Write(append(line, '\n'))
			}
			if err := out.Flush(); err != nil {
				log.Fatal(err)
			}
			got += len(batch.Events)
			batch.ACK()
		case <-deadline:
			log.Fatalf("only %d of %d events within %s", got, *n, *timeout)
		}
	}
	time.Sleep(500 * time.Millisecond) // the last acknowledgement is written by another goroutine
}
