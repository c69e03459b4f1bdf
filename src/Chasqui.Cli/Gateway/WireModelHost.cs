using System.Runtime.CompilerServices;
using System.Text.Json;
using Chasqui.Client;
using Chasqui.Engines.Wire;

namespace Chasqui.Cli;

/// <summary>A gateway at an address, over MCP.</summary>
internal sealed class WireModelHost : IGatewayHost
{
    private readonly ChasquiClient _client;

    /// <exception cref="UsageException">The address is none.</exception>
    /// <param name="address">Where it is.</param>
    /// <param name="key">The key that it asks for; null for none.</param>
    public WireModelHost(string address, string? key = null)
    {
        try
        {
            _client = new ChasquiClient(new ChasquiClientOptions { Endpoint = address, ApiKey = key, ConnectAttempts = 1, ConnectTimeout = TimeSpan.FromSeconds(5), Resume = true });
        }
        catch (ArgumentException e)
        {
            throw new UsageException($"'{address}' is no address of a gateway: {e.Message}");
        }
    }

    public string Place => _client.Endpoint;

    /// <summary>Whether a gateway is there.</summary>
    public async Task<bool> IsPresentAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(patience);
        try
        {
            await _client.ConnectAsync(limit.Token);
            return true;
        }
        catch (ClientException e) when (e.Error.Code == "unauthenticated")
        {
            // It is there; what is to be done then says what it lacks.
            return true;
        }
        catch (ClientException)
        {
            return false;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CancellationToken cancellationToken) => ChatAsync(request, call: null, cancellationToken);

    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, string session, long version, CancellationToken cancellationToken) =>
        ChatAsync(request, new CallOptions { Session = session, SessionVersion = version }, cancellationToken);

    private async IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CallOptions? call, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var updates = _client.ChatAsync(WireRequests.ToWire(request), call, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (await CallAsync(updates.MoveNextAsync().AsTask()))
            yield return WireUpdates.FromWire(updates.Current);
    }

    public async Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken) =>
        [.. (await CallAsync(_client.ListModelsAsync(null, cancellationToken))).Models.Select(WireModels.FromWire)];

    public async Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken) =>
        [.. (await CallAsync(_client.ListResidentModelsAsync(null, cancellationToken))).Models.Select(WireModels.FromWire)];

    public async Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken) =>
        WireModels.FromWire(await CallAsync(_client.ShowModelAsync(model, null, cancellationToken)));

    public async Task<TimeSpan> LoadAsync(LoadRequest request, CancellationToken cancellationToken) =>
        WireModels.FromWire(await CallAsync(_client.LoadModelAsync(WireRequests.ToWire(request), null, cancellationToken))).LoadDuration;

    public async Task<bool> UnloadAsync(string model, CancellationToken cancellationToken) =>
        (await CallAsync(_client.UnloadModelAsync(model, null, cancellationToken))).WasResident;

    public async Task<IReadOnlyList<GatewayNode>> NodesAsync(CancellationToken cancellationToken)
    {
        await using var answer = await CallAsync(_client.HttpAsync("GET", "/" + GatewayNode.Path, cancellationToken: cancellationToken));
        var body = await CallAsync(answer.ReadBodyAsync(cancellationToken: cancellationToken));
        try
        {
            if (answer.Status == 200)
            {
                using var json = JsonDocument.Parse(body);
                return GatewayNode.ReadAll(json.RootElement);
            }
        }
        catch (JsonException)
        {
            // Told below.
        }
        throw new CliException($"{Place} does not tell its nodes (status {answer.Status}); is it a Chasqui of this version?");
    }

    public async Task<byte[]> AskAsync(string method, string path, byte[]? body, CancellationToken cancellationToken)
    {
        await using var answer = await CallAsync(_client.HttpAsync(method, "/" + path, body ?? [], cancellationToken: cancellationToken));
        var bytes = await CallAsync(answer.ReadBodyAsync(cancellationToken: cancellationToken));
        return answer.Status < 400 ? bytes : throw new CliException(ErrorOf(bytes) ?? $"{Place} answered /{path} with status {answer.Status}; is it a Chasqui of this version?");
    }

    public async IAsyncEnumerable<byte[]> FollowAsync(string session, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var events = _client.SubscribeAsync("session." + session, after, null, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (await CallAsync(events.MoveNextAsync().AsTask()))
            yield return events.Current.Payload.ToByteArray();
    }

    private static string? ErrorOf(byte[] body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            return json.RootElement.Text("error") is { Length: > 0 } error ? error : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public IModelManager Manage(string? node) => new WireModelManager(this, _client, new CallOptions { Node = node });

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    /// <summary>Waits for a call, and says of its failure what a person can act on.</summary>
    internal async Task<T> CallAsync<T>(Task<T> call)
    {
        try
        {
            return await call;
        }
        catch (ClientException e) when (e is { Error.Code: "unreachable", MayRetry: true })
        {
            throw new GatewayUnreachableException(
                $"no gateway answers at {Place}; start one with 'chasqui serve', or name another with --server", e);
        }
        catch (ClientException e) when (e.IsConnectionLost)
        {
            throw new GatewayUnreachableException($"the connection to {Place} broke before the answer ended: {e.Message}", e);
        }
        catch (ClientException e) when (e.Error.Code == "unauthenticated")
        {
            throw new CliException($"{e.Message}: show one that it takes with {GlobalOptions.KeyVariable} or --key; its operator makes them with 'chasqui keys add NAME'", inner: e);
        }
        catch (ClientException e) when (e.Error.Code is "unreachable" or "bad_answer")
        {
            throw new GatewayUnreachableException(e.Message, e);
        }
        catch (ClientException e)
        {
            throw new CliException(e.Message, inner: e);
        }
    }
}
