namespace Chasqui.Gateway.Telemetry;

public sealed partial class RequestMeasure
{
    // Most requests never need it, so it takes one word of each.
    private ScopeOfPrefixes? _scope;

    /// <summary>What the request says of <see cref="PrefixScope"/>; null, the default, for nothing.</summary>
    public string? GivenScope
    {
        get => _scope?.Given;
        set
        {
            if (value != GivenScope)
                _scope = new ScopeOfPrefixes(value);
        }
    }

    /// <summary>
    /// Within which callers the computed beginnings of its prompt are shared, by its caller and by what the request says. Null for the
    /// scope of all callers without a key.
    /// </summary>
    public string? PrefixScope => (_scope ??= new ScopeOfPrefixes(null)).For(Caller);

    /// <summary>What was given, and what was made of it for one caller.</summary>
    private sealed class ScopeOfPrefixes(string? given)
    {
        private Caller? _caller;
        private string? _scope;

        public string? Given => given;

        public string? For(Caller caller)
        {
            if (!ReferenceEquals(Volatile.Read(ref _caller), caller))
            {
                // In this order: what another thread sees for a caller is never the scope of none.
                _scope = Gateway.PrefixScope.Of(caller, given);
                Volatile.Write(ref _caller, caller);
            }
            return _scope;
        }
    }
}
