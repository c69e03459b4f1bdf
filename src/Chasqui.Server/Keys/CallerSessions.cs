using System.Collections.Concurrent;
using Chasqui.Gateway;
using Microsoft.Extensions.Hosting;

namespace Chasqui.Server;

/// <summary>Tells the connections of a caller that its key is not taken any more, or that the gateway stops. One token for each key that has connected. Thread-safe.</summary>
internal sealed class CallerSessions : IDisposable
{
    private readonly KeyRing _keys;
    private readonly ConcurrentDictionary<string, Session> _sessions = new(StringComparer.Ordinal);
    private readonly CancellationToken _stop;
    private readonly CancellationTokenRegistration _stopping;

    public CallerSessions(KeyRing keys, IHostApplicationLifetime lifetime)
    {
        _keys = keys;
        keys.Changed += Sweep;
        _stop = lifetime.ApplicationStopping;
        _stopping = lifetime.ApplicationStopping.UnsafeRegister(static sessions => ((CallerSessions)sessions!).EndAll(_ => true), this);
    }

    /// <summary>Cancelled when the caller's connections are to end.</summary>
    public CancellationToken Of(Caller caller)
    {
        var session = _sessions.GetOrAdd(caller.Id, static (_, caller) => new Session(caller, new CancellationTokenSource()), caller);
        // All may have been ended in between.
        return _stop.IsCancellationRequested || _keys.Renew(caller) is null ? new CancellationToken(canceled: true) : session.Source.Token;
    }

    /// <summary>Ends the connections of keys that are gone or have expired.</summary>
    public void Sweep() => EndAll(session => _keys.Renew(session.Caller) is null);

    public void Dispose()
    {
        _keys.Changed -= Sweep;
        _stopping.Dispose();
    }

    private void EndAll(Func<Session, bool> which)
    {
        foreach (var (id, session) in _sessions)
        {
            if (which(session) && _sessions.TryRemove(new(id, session)))
            {
                // Connections are many, and none of them waits for another.
                _ = session.Source.CancelAsync();
            }
        }
    }

    private sealed record Session(Caller Caller, CancellationTokenSource Source);
}
