using System.Collections.Concurrent;

namespace Chasqui.Gateway.Sessions;

/// <summary>
/// The one bus that tells of changes: caches, followers here and at clients. Nobody is waited for. Changes of a session may be told out of order, as those who wrote them
/// were woken; whoever needs the order looks at the versions, which have no gaps, and reads what is missing from the store. Thread-safe.
/// </summary>
public sealed class SessionEvents
{
    private readonly ConcurrentDictionary<SessionKey, Topic> _topics = [];

    /// <summary>Called for each change, by whoever made it; to return at once, and to throw nothing.</summary>
    public event Action<SessionChange>? Changed;

    /// <summary>Called when others than this process may have changed a session, or any where it is null.</summary>
    public event Action<SessionKey?>? Invalidated;

    /// <summary>Followers of all sessions.</summary>
    public int Followers => _topics.Values.Sum(topic => topic.Count);

    /// <summary>Tells of a change that is done.</summary>
    public void Publish(SessionChange change)
    {
        ArgumentNullException.ThrowIfNull(change);
        Changed?.Invoke(change);
        if (_topics.TryGetValue(change.Key, out var topic))
            topic.Offer(change);
    }

    /// <summary>Tells that somebody else has changed a session, or that changes may have been missed.</summary>
    public void Invalidate(SessionKey? key)
    {
        Invalidated?.Invoke(key);
        if (key is not { } one)
        {
            foreach (var topic in _topics.Values)
                topic.Offer(null);
        }
        else if (_topics.TryGetValue(one, out var topic))
        {
            topic.Offer(null);
        }
    }

    internal SessionInbox Join(SessionKey key)
    {
        var inbox = new SessionInbox();
        while (true)
        {
            var topic = _topics.GetOrAdd(key, static _ => new Topic());
            if (topic.TryAdd(inbox))
                return inbox;
            // Its last follower has just left; whoever closed it also removes it.
            _topics.TryRemove(new KeyValuePair<SessionKey, Topic>(key, topic));
        }
    }

    internal void Leave(SessionKey key, SessionInbox inbox)
    {
        if (_topics.TryGetValue(key, out var topic) && topic.Remove(inbox))
            _topics.TryRemove(new KeyValuePair<SessionKey, Topic>(key, topic));
    }

    private sealed class Topic
    {
        private readonly Lock _gate = new();
        private SessionInbox[] _inboxes = [];
        private bool _isClosed;

        public int Count => Volatile.Read(ref _inboxes).Length;

        public bool TryAdd(SessionInbox inbox)
        {
            lock (_gate)
            {
                if (_isClosed)
                    return false;
                Volatile.Write(ref _inboxes, [.. _inboxes, inbox]);
                return true;
            }
        }

        /// <returns>Whether nobody is left.</returns>
        public bool Remove(SessionInbox inbox)
        {
            lock (_gate)
            {
                Volatile.Write(ref _inboxes, [.. _inboxes.Where(one => one != inbox)]);
                return _isClosed = _inboxes.Length == 0;
            }
        }

        public void Offer(SessionChange? change)
        {
            foreach (var inbox in Volatile.Read(ref _inboxes))
                inbox.Offer(change);
        }
    }
}
