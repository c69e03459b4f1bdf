using System.Text.Json;

namespace Chasqui.Cli;

/// <summary>The session that a conversation is recorded in: what was said before is the gateway's to know, and only what is new is sent.</summary>
internal sealed class ChatSession
{
    /// <summary>Makes a session.</summary>
    public const string New = "new";

    private const string Root = "api/sessions";

    private readonly IGatewayHost _host;

    private ChatSession(IGatewayHost host, string id) => (_host, Id) = (host, id);

    public string Id { get; private set; }

    /// <summary>The version that was seen last; 0 for one that its first chat makes.</summary>
    public long Version { get; private set; }

    /// <summary>Turns that it had when it was looked at.</summary>
    public int Turns { get; private set; }

    /// <exception cref="UsageException">No gateway runs.</exception>
    public static async Task<ChatSession> OpenAsync(IModelHost host, string id, CancellationToken cancellationToken)
    {
        if (host is not IGatewayHost gateway)
            throw new UsageException("--session needs a gateway, and none runs; start one with 'chasqui serve', or name one with --server");
        var session = new ChatSession(gateway, id);
        try
        {
            if (id != New)
            {
                await session.LookAsync(cancellationToken);
                return session;
            }
        }
        catch (CliException e) when (e is not GatewayUnreachableException)
        {
            // It is not there yet; what else is wrong is told when it is made.
        }
        session.Learn(await gateway.AskAsync("POST", Root, id == New ? "{}"u8.ToArray() : JsonSerializer.SerializeToUtf8Bytes(new { id }), cancellationToken));
        return session;
    }

    /// <summary>Finds out which version there is now.</summary>
    public async Task LookAsync(CancellationToken cancellationToken)
    {
        Learn(await _host.AskAsync("GET", $"{Root}/{Uri.EscapeDataString(Id)}", null, cancellationToken));
    }

    /// <summary>Asks, and learns where it was recorded.</summary>
    public async IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var isKnown = false;
        await foreach (var update in _host.ChatAsync(request, Id, Version, cancellationToken))
        {
            if (update.Result?.Session is { } mark)
                (Version, Turns, isKnown) = (mark.Version, Turns + 2, true);
            yield return update;
        }
        if (!isKnown)
            await LookAsync(cancellationToken);
    }

    private void Learn(byte[] json)
    {
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        (Id, Version, Turns) = (root.GetProperty("id").GetString()!, root.GetProperty("version").GetInt64(), root.GetProperty("message_count").GetInt32());
    }
}
