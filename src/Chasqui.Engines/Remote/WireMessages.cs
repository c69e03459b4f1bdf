using Chasqui.Client;
using Chasqui.Engines.Wire;
using Chasqui.Protocol.Messages;

namespace Chasqui.Engines.Remote;

/// <summary>Passes requests of MCP on to another Chasqui, their messages unread. Thread-safe.</summary>
/// <param name="client">The connection; disposed by whoever made it.</param>
public sealed class WireMessages(ChasquiClient client) : IMessagePassage
{
    /// <inheritdoc/>
    public async ValueTask<IMessageAnswer> SendAsync(string operation, ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        RawAnswer? answer = null;
        try
        {
            answer = await client.SendAsync(operation, request, RemoteEngine.Call(), cancellationToken).ConfigureAwait(false);
            if (answer.Status < 400)
                return new Answer(answer);
            var error = await answer.ReadAsync().ConfigureAwait(false) is { } body ? Error.Parser.ParseFrom(body.Span) : new Error();
            throw WireErrors.FromWire(error);
        }
        catch (Exception e)
        {
            if (answer is not null)
                await answer.DisposeAsync().ConfigureAwait(false);
            throw Translate(e) ?? e;
        }
    }

    private static EngineException? Translate(Exception e) => e switch
    {
        ClientException client => RemoteErrors.ToEngine(client),
        ObjectDisposedException => new EngineUnavailableException("the connection to the node was closed", e),
        Google.Protobuf.InvalidProtocolBufferException => new EngineFailedException("the node's error cannot be read", e),
        _ => null,
    };

    private sealed class Answer(RawAnswer answer) : IMessageAnswer
    {
        public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancellationToken)
        {
            try
            {
                return await answer.ReadAsync().ConfigureAwait(false);
            }
            catch (ClientException e)
            {
                throw RemoteErrors.ToEngine(e);
            }
        }

        public ValueTask DisposeAsync() => answer.DisposeAsync();
    }
}
