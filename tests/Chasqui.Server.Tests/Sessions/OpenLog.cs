using Chasqui.Gateway.Sessions;
using Chasqui.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace Chasqui.Server.Tests.Sessions;

/// <summary>A log of sessions over a real file.</summary>
internal sealed class OpenLog : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private bool _closed;

    public OpenLog(SessionOptions? options = null, TimeProvider? time = null)
    {
        _folder = Directory.CreateTempSubdirectory("chasqui-sessions-");
        Store = new CountingStore(SqliteSessionStore.Open(File));
        Log = new SessionLog(Store, options ?? new SessionOptions(), time ?? TimeProvider.System, NullLogger<SessionLog>.Instance);
    }

    public string File => Path.Combine(_folder.FullName, "sessions.db");

    public CountingStore Store { get; }

    public SessionLog Log { get; }

    public static SessionKey Key(string id = "s") => SessionKey.Of("tenant t", id);

    public Task<WriteOutcome> CreateAsync(SyncMode mode = SyncMode.Immediate, string id = "s") =>
        Log.WriteAsync(new CreateSession(Key(id), Log.Now, new SessionSettings { Mode = mode }), TestContext.Current.CancellationToken);

    public Task<WriteOutcome> SayAsync(string text, long? expected = null, string id = "s") =>
        Log.WriteAsync(new AppendTurns(Key(id), Log.Now, expected, [new SessionMessage(new ChatMessage { Role = "user", Content = text }, 1)]), TestContext.Current.CancellationToken);

    public async Task<IReadOnlyList<string>> TextsAsync(string id = "s") =>
        [.. (await Log.LoadAsync(Key(id), _ => long.MaxValue, TestContext.Current.CancellationToken)).Part.Turns.Select(turn => turn.Message.Content)];

    /// <summary>Closes the log, and reads what is in the file.</summary>
    public async Task<IReadOnlyList<SessionChange>> CloseAndReadAsync(string id = "s")
    {
        await CloseAsync();
        await using var store = SqliteSessionStore.Open(File);
        return await store.ReadAsync(Key(id), 0, 100_000, long.MaxValue, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        _folder.Delete(recursive: true);
    }

    private async Task CloseAsync()
    {
        if (!_closed)
            await Log.DisposeAsync();
        _closed = true;
    }
}

/// <summary>Counts commits, and can be told to fail them, or to let something happen between two reads.</summary>
internal sealed class CountingStore(ISessionStore inner) : ISessionStore
{
    private TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public List<int> Commits { get; } = [];

    public SessionStoreException? Failure { get; set; }

    /// <summary>Set when a commit has failed.</summary>
    public Task Failed => _failed.Task;

    /// <summary>Awaited before each commit.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    /// <summary>Done once, before changes before that version are read.</summary>
    public (long Before, Func<Task> Action)? BeforeRead { get; set; }

    /// <summary>Changes that were read from the end.</summary>
    public int ReadBack { get; set; }

    public bool IsShared => inner.IsShared;

    public async Task<IReadOnlyList<WriteOutcome>> CommitAsync(IReadOnlyList<SessionWrite> writes, CancellationToken cancellationToken = default)
    {
        await Gate;
        if (Failure is { } failure)
        {
            _failed.TrySetResult();
            throw failure;
        }
        lock (Commits)
            Commits.Add(writes.Count);
        return await inner.CommitAsync(writes, cancellationToken);
    }

    public void Recover() => (Failure, _failed) = (null, new(TaskCreationOptions.RunContinuationsAsynchronously));

    public Task<Session?> FindAsync(SessionKey key, CancellationToken cancellationToken = default) => inner.FindAsync(key, cancellationToken);

    public Task<IReadOnlyList<SessionChange>> ReadAsync(SessionKey key, long after, int limit, long maxBytes, CancellationToken cancellationToken = default) =>
        inner.ReadAsync(key, after, limit, maxBytes, cancellationToken);

    public async Task<IReadOnlyList<SessionChange>> ReadBackAsync(SessionKey key, long before, int limit, long maxBytes, CancellationToken cancellationToken = default)
    {
        if (BeforeRead is { } read && read.Before == before)
        {
            BeforeRead = null;
            await read.Action();
        }
        var page = await inner.ReadBackAsync(key, before, limit, maxBytes, cancellationToken);
        ReadBack += page.Count;
        return page;
    }

    public Task<IReadOnlyList<SessionChange>> ReadSystemAsync(SessionKey key, long after, long before, long maxBytes, CancellationToken cancellationToken = default) =>
        inner.ReadSystemAsync(key, after, before, maxBytes, cancellationToken);

    public Task<SessionPage> ListAsync(string tenant, string? after, int limit, CancellationToken cancellationToken = default) => inner.ListAsync(tenant, after, limit, cancellationToken);

    public Task<SessionUsage> UsageAsync(string? tenant, CancellationToken cancellationToken = default) => inner.UsageAsync(tenant, cancellationToken);

    public Task<int> ForgetAsync(DateTimeOffset deletedBefore, CancellationToken cancellationToken = default) => inner.ForgetAsync(deletedBefore, cancellationToken);

    public Task WatchAsync(Action<SessionKey?, long> changed, CancellationToken cancellationToken) => inner.WatchAsync(changed, cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
