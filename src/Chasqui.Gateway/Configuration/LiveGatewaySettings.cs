namespace Chasqui.Gateway;

/// <summary>Settings that are set by whoever reads the configuration. Thread-safe.</summary>
/// <param name="initial">What holds at first.</param>
public sealed class LiveGatewaySettings(GatewaySettings initial) : IGatewaySettings
{
    private readonly Lock _applying = new();
    private volatile GatewaySettings _current = initial;
    private volatile Listener[] _listeners = [];

    /// <inheritdoc/>
    public GatewaySettings Current => _current;

    /// <inheritdoc/>
    public IDisposable OnChange(Action<GatewaySettings> listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        var entry = new Listener(this, listener);
        lock (_applying)
            _listeners = [.. _listeners, entry];
        return entry;
    }

    /// <summary>Puts new settings in force and tells every listener.</summary>
    /// <exception cref="AggregateException">Listeners failed; the settings hold, and all listeners were told.</exception>
    public void Apply(GatewaySettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        List<Exception>? failures = null;
        lock (_applying)
        {
            _current = settings;
            foreach (var listener in _listeners)
            {
                try
                {
                    listener.Action(settings);
                }
#pragma warning disable CA1031 // The others are told all the same, and the failure is passed on.
                catch (Exception e)
#pragma warning restore CA1031
                {
                    (failures ??= []).Add(e);
                }
            }
        }
        if (failures is not null)
            throw new AggregateException(failures);
    }

    private sealed class Listener(LiveGatewaySettings owner, Action<GatewaySettings> action) : IDisposable
    {
        public Action<GatewaySettings> Action { get; } = action;

        public void Dispose()
        {
            lock (owner._applying)
                owner._listeners = [.. owner._listeners.Where(entry => entry != this)];
        }
    }
}
