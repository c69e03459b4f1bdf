using Chasqui.Bench.Peers.Loads;
using Chasqui.Bench.Peers.Servers;
using Chasqui.Client;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Bench.Peers.Clients;

/// <summary>The same chats with the product's client, over MCP/1: all streams on one connection.</summary>
internal sealed class NodeMessageClient(int port) : IClientPeer
{
    private readonly ChasquiClient _client = new($"tcp://127.0.0.1:{port}");
    private readonly Messages.ChatRequest _request = Request();
    private int _begun = -1;

    public Task ConnectAsync(int connections) => _client.ConnectAsync();

    public IUnaryCaller Caller(int connection) => throw new NotSupportedException("only streams are measured over MCP");

    public async Task StreamAsync(int connection, int tokens, TokenCounter counter, CancellationToken cancellationToken)
    {
        await Task.Delay(NodeStagger.Pause(Interlocked.Increment(ref _begun)), cancellationToken);
        while (!cancellationToken.IsCancellationRequested)
        {
            var seen = 0;
            await foreach (var update in _client.ChatAsync(_request, cancellationToken: cancellationToken))
            {
                if (update.Text.Length == 0)
                    continue;
                counter.Add(update.Text);
                seen++;
            }
            if (seen != NodeAnswers.Tokens)
                throw new InvalidDataException($"{seen} tokens came instead of {NodeAnswers.Tokens}");
        }
    }

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    private static Messages.ChatRequest Request()
    {
        var request = new Messages.ChatRequest
        {
            Model = NodeAnswers.Model,
            Common = new Messages.GenerationCommon { Options = new Messages.GenerationOptions { Temperature = 0.7f, Seed = 417 } },
        };
        request.Messages.AddRange(NodeConversation.Messages.Select(m => new Messages.ChatMessage { Role = m.Role, Content = m.Content }));
        return request;
    }
}
