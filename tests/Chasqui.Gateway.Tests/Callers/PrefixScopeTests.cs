namespace Chasqui.Gateway.Tests.Callers;

/// <summary>Within whom computed beginnings of prompts are shared.</summary>
public sealed class PrefixScopeTests
{
    private static readonly Caller _a = new() { Id = "1", Tenant = "t" };
    private static readonly Caller _b = new() { Id = "2", Tenant = "t" };
    private static readonly Caller _other = new() { Id = "3", Tenant = "u" };
    private static readonly Caller _none = new() { Id = "4" };

    [Fact]
    public void A_tenant_is_one_scope_and_a_key_without_a_tenant_is_its_own()
    {
        Assert.Equal(PrefixScope.Of(_a, null), PrefixScope.Of(_b, null));
        Assert.Equal(4, new[] { _a, _other, _none, Caller.Anonymous }.Select(caller => PrefixScope.Of(caller, null)).Distinct().Count());
        Assert.Null(PrefixScope.Of(Caller.Anonymous, null));
    }

    [Fact]
    public void What_a_request_says_divides_its_callers_scope_and_never_makes_anothers()
    {
        var scopes = new HashSet<string?>();
        foreach (var caller in new[] { _a, _other, _none, Caller.Anonymous })
        {
            // Also what another's scope is called, and what it is made from.
            foreach (var given in new[] { null, "x", PrefixScope.Of(_a, null), PrefixScope.Of(_other, null), "tenant t", "u", "t" })
                Assert.True(scopes.Add(PrefixScope.Of(caller, given)), $"{caller.Id} {given}");
        }
        Assert.All(scopes, scope => Assert.DoesNotContain("tenant", scope ?? "", StringComparison.Ordinal));
    }

    [Fact]
    public void Where_a_tenants_name_ends_is_no_matter_of_what_follows()
    {
        Assert.NotEqual(PrefixScope.Of(new Caller { Id = "1", Tenant = "t" }, "u"), PrefixScope.Of(new Caller { Id = "1", Tenant = "tu" }, null));
    }
}
