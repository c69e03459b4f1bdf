using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Chasqui.Bench.Peers.Loads;
using Chasqui.Transport;

namespace Chasqui.Bench.Peers.Clients;

/// <summary>Opens connections of MCP/1 from an address of choice.</summary>
internal sealed class MessageDialer(int port) : IIdleDialer
{
    private static readonly ConnectionOptions _options = new();

    public async Task<IAsyncDisposable> DialAsync(IPAddress from)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(from, 0));
        await socket.ConnectAsync(IPAddress.Loopback, port);
        var connection = Connection.Create(new StreamPipe(new NetworkStream(socket, ownsSocket: true)), ConnectionRole.Connector, _options);
        await connection.OpenAsync(CancellationToken.None);
        return connection;
    }

    private sealed class StreamPipe(Stream stream) : IDuplexPipe
    {
        public PipeReader Input { get; } = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: 512, leaveOpen: true));

        public PipeWriter Output { get; } = PipeWriter.Create(stream, new StreamPipeWriterOptions(minimumBufferSize: 512));
    }
}
