namespace Chasqui.Gateway.Telemetry;

public sealed partial class RequestMeasure
{
    private (Caller Caller, string? Given, string? Scope)? _scope;

    /// <summary>What the request says of <see cref="PrefixScope"/>; null, the default, for nothing.</summary>
    public string? GivenScope { get; set; }

    /// <summary>Within whom computed beginnings of its prompt are shared, by its caller and by what it says; null for those of all who have no key.</summary>
    public string? PrefixScope
    {
        get
        {
            if (_scope is not { } known || !ReferenceEquals(known.Caller, Caller) || known.Given != GivenScope)
                _scope = known = (Caller, GivenScope, Gateway.PrefixScope.Of(Caller, GivenScope));
            return known.Scope;
        }
    }
}
