using Chasqui.Bench.Peers.Loads;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Chasqui.Bench.Peers.Clients;

/// <summary>gRPC for .NET with its defaults: a channel opens a further connection where the server's limit of streams (100) is reached.</summary>
internal sealed class GrpcClient(int port) : IClientPeer
{
    private readonly List<GrpcChannel> _channels = [];
    private List<Peer.PeerClient> _clients = [];

    public async Task ConnectAsync(int connections)
    {
        for (var i = 0; i < connections; i++)
            _channels.Add(GrpcChannel.ForAddress($"http://127.0.0.1:{port}"));
        _clients = [.. _channels.Select(c => new Peer.PeerClient(c))];
        await Task.WhenAll(_channels.Select(c => c.ConnectAsync()));
    }

    public IUnaryCaller Caller(int connection) => new UnaryCaller(_clients[connection]);

    public async Task StreamAsync(int connection, int tokens, TokenCounter counter, CancellationToken cancellationToken)
    {
        using var call = _clients[connection].Generate(new TokenRequest { Tokens = tokens }, cancellationToken: cancellationToken);
        await foreach (var token in call.ResponseStream.ReadAllAsync(cancellationToken))
            counter.Add(token.Text);
    }

    public ValueTask DisposeAsync()
    {
        foreach (var channel in _channels)
            channel.Dispose();
        return default;
    }

    private sealed class UnaryCaller(Peer.PeerClient client) : IUnaryCaller
    {
        private readonly EchoBody _body = new() { Data = ByteString.CopyFromUtf8(Payload.Body) };

        public async ValueTask<int> CallAsync() => (await client.EchoAsync(_body)).Data.Length;
    }
}
