// Command darkroom-pubsub serves the Pub/Sub API from memory on one TCP port, for trials and tests, until SIGTERM.
//
// It is Google's own test server, pstest. Its listener keeps gRPC's limit of 4 MiB a message, so its services are
// registered on a second gRPC server with room for the 10 MB that Pub/Sub takes.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc"
)

const mostBytes = 24 << 20

func main() {
	address := flag.String("address", "127.0.0.1:8085", "where to listen")
	flag.Parse()
	if err := serve(*address); err != nil {
		log.Fatal(err)
	}
}

func serve(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	memory := pstest.NewServer()
	defer memory.Close()
	server := grpc.NewServer(grpc.MaxRecvMsgSize(mostBytes), grpc.MaxSendMsgSize(mostBytes))
	pubsubpb.RegisterPublisherServer(server, &memory.GServer)
	pubsubpb.RegisterSubscriberServer(server, &memory.GServer)
	pubsubpb.RegisterSchemaServiceServer(server, &memory.GServer)
	go stopOnSignal(server)
	fmt.Println("listening on", listener.Addr())
	return server.Serve(listener)
}

func stopOnSignal(server *grpc.Server) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	<-signals
	server.Stop()
}
