using Chasqui.Client;

namespace Chasqui.Engines.Remote;

/// <summary>Passes requests of HTTP APIs on to another Chasqui, over its MCP connection. Thread-safe.</summary>
/// <param name="client">The connection; disposed by whoever made it.</param>
public sealed class WirePassage(ChasquiClient client) : IHttpPassage
{
    /// <inheritdoc/>
    public async ValueTask<IPassageAnswer> SendAsync(PassageRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        try
        {
            return new Answer(await client.HttpAsync(request.Method, request.Path, request.Body, request.Headers, cancellationToken).ConfigureAwait(false));
        }
        catch (ClientException e)
        {
            throw RemoteErrors.ToEngine(e);
        }
        catch (ObjectDisposedException e)
        {
            throw new EngineUnavailableException("the connection to the node was closed", e);
        }
    }

    private sealed class Answer(HttpAnswer answer) : IPassageAnswer
    {
        private readonly List<KeyValuePair<string, string>> _headers = HeadersOf(answer);
        private IAsyncEnumerator<ReadOnlyMemory<byte>>? _parts;

        public int Status => answer.Status;

        public long? ContentLength => null;

        public IReadOnlyList<KeyValuePair<string, string>> Headers => _headers;

        public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken)
        {
            _parts ??= answer.ReadPartsAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
            try
            {
                while (await _parts.MoveNextAsync().ConfigureAwait(false))
                {
                    // An empty message is no end here.
                    if (!_parts.Current.IsEmpty)
                        return _parts.Current;
                }
                return default;
            }
            catch (ClientException e)
            {
                throw RemoteErrors.ToEngine(e);
            }
            catch (ObjectDisposedException e)
            {
                throw new EngineFailedException("the connection to the node was closed while it answered", e);
            }
        }

        public async ValueTask DisposeAsync()
        {
            if (_parts is not null)
                await _parts.DisposeAsync().ConfigureAwait(false);
            await answer.DisposeAsync().ConfigureAwait(false);
        }

        private static List<KeyValuePair<string, string>> HeadersOf(HttpAnswer answer)
        {
            var headers = new List<KeyValuePair<string, string>>(answer.Headers.Count);
            var connection = answer.Headers["connection"];
            foreach (var field in answer.Headers)
            {
                if (field.Name is not ("status" or "content-length") && !ConnectionHeaders.IsOne(field.Name) && !ConnectionHeaders.Names(connection, field.Name))
                    headers.Add(new(field.Name, field.Value));
            }
            return headers;
        }
    }
}
