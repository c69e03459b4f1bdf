using Microsoft.Extensions.Caching.Memory;

namespace Chasqui.Gateway.Sessions;

/// <summary>Turns of the sessions that were used last, so that a conversation is not read again for each of its turns. Kept by version: whatever does not follow on is forgotten. Thread-safe.</summary>
internal sealed class TurnCache : IDisposable
{
    private readonly MemoryCache _sessions;

    public TurnCache(long bytes, SessionEvents events)
    {
        _sessions = new MemoryCache(new MemoryCacheOptions { SizeLimit = Math.Max(1, bytes), CompactionPercentage = 0.2 });
        events.Changed += Follow;
        events.Invalidated += Forget;
    }

    /// <summary>The turns up to a version, if they are known.</summary>
    public SessionPart? Find(SessionKey key, long version) =>
        _sessions.TryGetValue(key, out Turns? turns) && turns is not null && turns.Version == version ? turns.Part : null;

    public void Add(SessionKey key, long version, SessionPart part) => Set(key, new Turns(version, part));

    /// <summary>The mode of a session, which never changes, if it is known.</summary>
    public SyncMode? ModeOf(SessionKey key) => _sessions.TryGetValue(new ModeKey(key), out var mode) ? (SyncMode?)mode : null;

    public void Knows(SessionKey key, SyncMode mode) => _sessions.Set(new ModeKey(key), (object)mode, new MemoryCacheEntryOptions { Size = 200 });

    public void Dispose() => _sessions.Dispose();

    /// <summary>Bytes that a turn takes in memory, about.</summary>
    public static long SizeOf(SessionMessage message) =>
        100 + (2L * (message.Message.Content.Length + (message.Message.Thinking?.Length ?? 0))) + message.Message.Images.Sum(image => (long)image.Length) + (2L * (message.Message.ToolCalls?.GetRawText().Length ?? 0))
        + (2L * ((message.Message.ToolName?.Length ?? 0) + (message.Message.ToolCallId?.Length ?? 0)));

    private void Follow(SessionChange change)
    {
        // Another one may have its name next.
        if (change.Kind == ChangeKind.Deleted)
            _sessions.Remove(new ModeKey(change.Key));
        if (!_sessions.TryGetValue(change.Key, out Turns? turns) || turns is null || turns.Version >= change.Version)
            return;
        if (turns.Version + 1 == change.Version && change.Kind is ChangeKind.Appended or ChangeKind.Updated)
            Set(change.Key, new Turns(change.Version, turns.Part.With(change.Messages)));
        else
            _sessions.Remove(change.Key);
    }

    private void Forget(SessionKey? key)
    {
        if (key is { } one)
            Remove(one);
        else
            _sessions.Clear();
    }

    private void Set(SessionKey key, Turns turns) =>
        _sessions.Set(key, turns, new MemoryCacheEntryOptions { Size = 200 + turns.Part.Turns.Sum(SizeOf) });

    private void Remove(SessionKey key)
    {
        _sessions.Remove(key);
        _sessions.Remove(new ModeKey(key));
    }

    private sealed record ModeKey(SessionKey Key);

    private sealed record Turns(long Version, SessionPart Part);
}
