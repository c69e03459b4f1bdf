using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Gateway.Tests.Callers;

public sealed class KeyRingTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Fact]
    public void While_there_is_no_key_nobody_needs_one()
    {
        var ring = new KeyRing(_time);

        Assert.Same(Caller.Anonymous, ring.Find(null));
        Assert.Same(Caller.Anonymous, ring.Find("anything"));
        ring.RequireAlways();
        Assert.Null(ring.Find(null));
        Assert.Null(ring.Find("anything"));
    }

    [Fact]
    public void A_key_is_known_by_all_of_its_text()
    {
        var (key, text) = Make();
        var (other, _) = Make();
        var ring = new KeyRing(_time);
        ring.Replace([key, other]);

        Assert.Same(key.Caller, ring.Find(text));
        Assert.Null(ring.Find(null));
        Assert.Null(ring.Find(""));
        Assert.Null(ring.Find(text + "x"));
        Assert.Null(ring.Find(text[..^1]));
        Assert.Null(ring.Find(text.Replace(key.Id, other.Id, StringComparison.Ordinal)));
        Assert.Null(ring.Find(KeySecret.Make().Text));
        for (var i = 0; i < text.Length; i++)
        {
            var wrong = text.ToCharArray();
            wrong[i] = wrong[i] == 'a' ? 'b' : 'a';
            Assert.Null(ring.Find(new string(wrong)));
        }
    }

    [Fact]
    public void A_key_ends_when_it_expires_and_still_closes_the_door()
    {
        var (key, text) = Make();
        var ring = new KeyRing(_time);
        ring.Replace([key with { Expires = _time.GetUtcNow() + TimeSpan.FromHours(1) }]);
        var caller = ring.Find(text)!;
        Assert.Same(caller, ring.Renew(caller));

        _time.Advance(TimeSpan.FromHours(1));

        Assert.Null(ring.Find(text));
        Assert.Null(ring.Renew(caller));
        Assert.True(ring.IsRequired);
    }

    [Fact]
    public void Who_came_without_a_key_is_renewed_only_while_there_is_none()
    {
        var (key, text) = Make();
        var ring = new KeyRing(_time);
        Assert.Same(Caller.Anonymous, ring.Renew(Caller.Anonymous));
        ring.Replace([key]);
        Assert.Null(ring.Renew(Caller.Anonymous));
        var caller = ring.Find(text)!;

        ring.Replace([key with { Caller = key.Caller with { Weight = 7 } }]);
        Assert.Equal(7, ring.Renew(caller)!.Weight);
        ring.Replace([]);
        Assert.Null(ring.Renew(caller));
    }

    [Theory]
    [InlineData("Bearer abc", "abc")]
    [InlineData("bearer  abc ", "abc")]
    [InlineData("Basic abc", null)]
    [InlineData("abc", null)]
    [InlineData(null, null)]
    public void A_bearer_shows_its_key(string? header, string? key) => Assert.Equal(key, KeyRing.FromBearer(header));

    [Fact]
    public void Keys_are_of_letters_and_digits_and_no_two_are_alike()
    {
        var made = Enumerable.Range(0, 200).Select(_ => KeySecret.Make()).ToList();

        Assert.Equal(200, made.Select(key => key.Id).Distinct().Count());
        Assert.All(made, key => Assert.Matches("^chq_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}$", key.Text));
        Assert.All(made, key => Assert.True(KeySecret.TryGetId(key.Text, out var id) && id == key.Id));
    }

    private static (AccessKey Key, string Text) Make()
    {
        var (id, text) = KeySecret.Make();
        return (new AccessKey { Caller = new Caller { Id = id, Name = "k" }, Hash = KeySecret.Hash(text) }, text);
    }
}
