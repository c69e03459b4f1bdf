using Chasqui.Gateway.Sessions;

namespace Chasqui.Storage.Tests;

/// <summary>A store in the simplest words: for each name a version, the first one that is still there, and the texts, or null where it was deleted.</summary>
internal sealed class StoreModel
{
    private readonly Dictionary<SessionKey, (long Version, long First, List<(long Version, string Text)>? Turns)> _sessions = [];

    public IEnumerable<string> Texts(SessionKey key) => _sessions.TryGetValue(key, out var session) ? (session.Turns ?? []).Select(turn => turn.Text) : [];

    /// <returns>How it ends, and the version that is told.</returns>
    public (WriteResult Result, long? Version) Do(SessionWrite write)
    {
        var known = _sessions.TryGetValue(write.Key, out var session);
        var (version, first, turns) = session;
        switch (write)
        {
            case CreateSession when !known || turns is null:
                return Set(write.Key, version + 1, version + 1, []);
            case ForkSession fork when !known:
                if (!_sessions.TryGetValue(fork.Source, out var source) || source.Turns is null)
                    return (WriteResult.NotFound, null);
                var at = fork.Version ?? source.Version;
                return at < source.First || at > source.Version ? (WriteResult.Conflict, source.Version) : Set(write.Key, at + 1, source.First, [.. source.Turns.Where(turn => turn.Version <= at)]);
            case CreateSession or ForkSession:
                return (WriteResult.Exists, turns is null ? null : version);
        }
        if (turns is null)
            return (WriteResult.NotFound, null);
        if (write.Expected is { } expected && expected != version)
            return (WriteResult.Conflict, version);
        return Set(write.Key, version + 1, first, write switch
        {
            AppendTurns append => [.. turns, .. append.Messages.Select(turn => (version + 1, turn.Message.Content))],
            DeleteSession => null,
            _ => turns,
        });
    }

    private (WriteResult, long?) Set(SessionKey key, long version, long first, List<(long, string)>? turns)
    {
        _sessions[key] = (version, first, turns);
        return (WriteResult.Done, version);
    }
}
