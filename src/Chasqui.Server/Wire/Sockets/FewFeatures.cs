using System.Collections;
using Microsoft.AspNetCore.Http.Features;

namespace Chasqui.Server;

/// <summary>The features of a connection, of which there are few: a list is smaller than a table, and as fast to search.</summary>
internal sealed class FewFeatures : IFeatureCollection
{
    private (Type Type, object Feature)[] _all = [];

    public bool IsReadOnly => false;

    public int Revision { get; private set; }

    public object? this[Type key]
    {
        get
        {
            foreach (var (type, feature) in _all)
            {
                if (type == key)
                    return feature;
            }

            return null;
        }

        set
        {
            Revision++;
            var at = Array.FindIndex(_all, entry => entry.Type == key);
            if (value is null)
                _all = [.. _all.Where(entry => entry.Type != key)];
            else if (at >= 0)
                _all[at] = (key, value);
            else
                _all = [.. _all, (key, value)];
        }
    }

    public TFeature? Get<TFeature>() => (TFeature?)this[typeof(TFeature)];

    public void Set<TFeature>(TFeature? instance) => this[typeof(TFeature)] = instance;

    public IEnumerator<KeyValuePair<Type, object>> GetEnumerator() => _all.Select(entry => KeyValuePair.Create(entry.Type, entry.Feature)).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
