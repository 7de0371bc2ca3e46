// lumber-send sends every line of standard input once, in Filebeat's event shape, over lumberjack v2 with the library that Filebeat
// itself sends with, and prints how many events were acknowledged. It ends with status 1 at the first window that was not.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/elastic/go-lumber/client/v2"
)

func main() {
	address := flag.String("address", "127.0.0.1:5044", "beats input to send to")
	window := flag.Int("window", 1000, "events sent before an acknowledgement is awaited")
	compress := flag.Int("compress", 3, "zlib level of the frames, 0 for plain frames")
	timeout := flag.Duration("timeout", 30*time.Second, "longest wait for one acknowledgement")
	path := flag.String("path", "/var/log/lumber-send.log", "log.file.path of the events")
	service := flag.String("service", "lumber", "fields.service of the events")
	flag.Parse()

	client, err := v2.SyncDial(*address, v2.CompressionLevel(*compress), v2.Timeout(*timeout))
	if err != nil {
		log.Fatal(err)
	}
	acked, offset := 0, 0
	var batch []interface{}
	flush := func() {
		if len(batch) == 0 {
			return
		}
		n, err := client.Send(batch)
		acked += n
		if err != nil {
			fmt.Printf("acked %d\n", acked)
			log.Fatal(err)
		}
		batch = batch[:0]
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		batch = append(batch, map[string]interface{}{
			"@timestamp": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
			"@metadata":  map[string]interface{}{"beat": "filebeat", "type": "_doc", "version": "8.5.0"},
			"log":        map[string]interface{}{"offset": offset, "file": map[string]interface{}{"path": *path}},
			"fields":     map[string]interface{}{"service": *service},
			"host":       map[string]interface{}{"name": "sender"},
			"message":    lines.Text(),
		})
		offset += len(lines.Bytes()) + 1
		if len(batch) == *window {
			flush()
		}
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
	flush()
	fmt.Printf("acked %d\n", acked)
	if err := client.Close(); err != nil {
		log.Fatal(err)
	}
}
